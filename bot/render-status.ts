import { isOver } from '../store/lifecycle.ts'
import type { Job } from '../store/records.ts'
import type { Context } from './render-context.ts'
import { headOf, workOf } from './render-end.ts'
import { code, lines, oneLine, plain, states } from './render-text.ts'
import type { Scene } from './scene.ts'
import { elapsed, money, plural } from './words.ts'

/** The text of the message that tells how a job stands: its state, what was asked, what it is at, what to know of it. */
export const statusOf = (job: Job, scene: Scene, context: Context): string => {
  const { workspace, asker } = context
  const prompt = code(job.agent === 'command' ? `$ ${job.prompt}` : job.prompt)
  const asked = `${prompt} in ${plain(workspace)}, for ${plain(asker)}`
  const notes = scene.notes.map(note => `⚠️ ${oneLine(note)}`)
  if (!isOver(job.state)) return lines([liveHead(job, context), asked, ...doing(job, scene), ...notes])
  const why = job.state === 'succeeded' ? '' : code(job.summary ?? '', 200)
  return lines([headOf(job), asked, why, workOf(job, scene), ...notes])
}

const liveHead = (job: Job, context: Context): string => {
  const [sign, word] = states[job.state]
  if (job.cancel) return '⏹ **Stopping**'
  if (job.state === 'queued') return `${sign} ${waiting(job, context)}`
  const seconds = job.startedAt ? (context.now.getTime() - Date.parse(job.startedAt)) / 1000 : 0
  return [
    `${sign} **${word}**`,
    seconds < 5 ? '' : elapsed(seconds),
    job.cost > 0 ? money(job.cost) : '',
    job.attempt > 1 ? `attempt ${job.attempt}` : '',
  ]
    .filter(Boolean)
    .join(' · ')
}

const waiting = (job: Job, { place, waits }: Context): string => {
  if (job.attempt > 0) return `**Queued again** after attempt ${job.attempt}`
  if (waits) return '**Waiting** for the job before it in this thread'
  if (place === undefined) return '**Queued**'
  return place === 0 ? '**Queued**, next in line' : `**Queued**, ${plural(place, 'job')} before it`
}

/** The step of its plan, and its last tool or words. */
const doing = (job: Job, { plan, doing: now }: Scene): readonly string[] => {
  if (job.state === 'queued' || job.state === 'starting' || job.cancel) return []
  const current = plan.findIndex(item => item.state === 'in_progress')
  const done = plan.filter(item => item.state === 'completed').length
  const at = current === -1 ? Math.min(done, plan.length - 1) : current
  const step = plan[at] ? `Step ${at + 1} of ${plan.length}: ${code(plan[at].text)}` : ''
  return [step, now === '' ? '' : `🔹 ${code(now)}`]
}
