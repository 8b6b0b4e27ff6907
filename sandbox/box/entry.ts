import { carry } from './carry.ts'
import { readLines } from './lines.ts'
import { openReporter } from './report.ts'

/*
 * The one program of a box, started as `node entry.ts <job> <attempt>`: it reads the plan, carries it out, and exits with
 * the agent's code. Job and attempt stand on its command line for those who look at the host's processes.
 */
const report = openReporter()
report({ report: 'ready' })
process.exit(await carry(readLines(process.stdin), report))
