import { openBullmq } from '../runner/bullmq.ts'
import { openFiling } from '../runner/filing.ts'
import { openFinish } from '../runner/finish.ts'
import { openLogbook } from '../runner/logbook.ts'
import { withPatience } from '../runner/patience.ts'
import { openSettle } from '../runner/settle.ts'
import { openWorker } from '../runner/worker.ts'
import { openMongo } from '../store/mongo.ts'
import { openRedisBell } from '../store/redis.ts'

/*
 * A runner without boxes, started as `node carrier.ts <mongodb> <redis> <count>…`: what it claims has succeeded at
 * once. It says `ready`, and `done` for each count when so many jobs more are settled.
 */
const [mongodb = '', redis = '', ...counts] = process.argv.slice(2)
const now = () => new Date()
const parts = {
  runner: 'bench',
  store: await openMongo({ url: mongodb }),
  bell: await openRedisBell({ url: redis }),
  queue: await openBullmq({ url: redis, now }),
  signal: new AbortController().signal,
  now,
}
const never = (what: string) => () => Promise.reject(new Error(`There is no ${what} here.`))
/** No job of this runner has pushed anything, and no box of it waits at a gateway. */
const repos = { resolve: async () => undefined } as unknown as Parameters<typeof openFinish>[0]['repos']
const gateway = { release: async () => {} } as unknown as Parameters<typeof openFinish>[0]['gateway']
const logbook = openLogbook(parts)
const settle = openSettle({ ...parts, logbook })
const finish = openFinish({ ...parts, repos, gateway, logbook, settle })
const worker = openWorker({
  ...parts,
  sandbox: { name: 'none' } as Parameters<typeof openWorker>[0]['sandbox'],
  gateway,
  agents: new Map([['command', { name: 'command' } as never]]),
  logbook,
  settle,
  filing: openFiling({ ...parts, logbook }),
  finish,
  order: never('order'),
  recover: never('recovery'),
  takeover: never('takeover'),
  othersHave: async () => false,
  carry: async (job, attempt) => {
    await finish(job, attempt, { outcome: 'succeeded', reason: 'done', summary: 'Done.' })
    return undefined
  },
})
const work = withPatience({
  ...parts,
  work: worker.work,
  logbook,
  gateway,
  settle,
  log: console,
})

const left = counts.map(Number)
process.stdin.resume().on('end', () => process.exit())
void parts.queue.work(
  async job => {
    await work(job)
    if (--left[0]! > 0) return
    left.shift()
    console.log('done')
  },
  { concurrency: 32, signal: parts.signal },
)
console.log('ready')
