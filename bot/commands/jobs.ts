import type { Job } from '../../store/records.ts'
import { code, states } from '../render-text.ts'
import { elapsed, money } from '../words.ts'

/** Somebody's newest jobs, one a line: state, age, cost, id, what was asked. */
export const jobList = (jobs: readonly Job[], publicUrl: string, now: Date): string =>
  jobs.length === 0
    ? 'You have no jobs yet; start one with `/hop run` and the task.'
    : jobs.map(job => jobLine(job, publicUrl, now)).join('\n')

const jobLine = (job: Job, publicUrl: string, now: Date): string => {
  const [sign, word] = states[job.state]
  const age = elapsed((now.getTime() - Date.parse(job.createdAt)) / 1000)
  const parts = [
    `${sign} ${word}`,
    `asked ${age} ago`,
    job.cost > 0 ? money(job.cost) : '',
    `[${job._id}](${publicUrl}/jobs/${job._id})`,
    code(job.prompt, 80),
  ]
  return `- ${parts.filter(Boolean).join(' · ')}`
}
