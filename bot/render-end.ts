import type { Job, Message } from '../store/records.ts'
import type { Context } from './render-context.ts'
import { clean, code, states, tailOf, tailOfMarkdown } from './render-text.ts'
import type { Scene } from './scene.ts'
import { mostTail } from './scene.ts'
import { fenced, money, plural, took } from './words.ts'

/** The message that tells the end: how it went, the agent's last words or what the command printed, what became of the work. */
export const endOf = (job: Job, scene: Scene, context: Context): Pick<Message, 'text' | 'file'> => {
  const isCommand = job.agent === 'command'
  const text = (isCommand ? clean(scene.tail) : wordsOf(job, scene)).trim()
  const result = isCommand ? fenced(tailOf(text, mostTail)) : tailOfMarkdown(text, mostTail)
  const cut = text.length > mostTail || (isCommand && scene.cut)
  const silent = isCommand && job.startedAt ? 'It printed nothing.' : ''
  const parts = [
    headOf(job),
    job.state === 'succeeded' || job.summary === text ? '' : tailOfMarkdown(job.summary ?? '', mostTail),
    text === '' ? silent : result,
    cut ? `This is the last part; [the page has all of it](${context.publicUrl}/jobs/${job._id}).` : '',
    workOf(job, scene),
  ]
  return {
    text: parts.filter(Boolean).join('\n\n'),
    ...(scene.saidFile !== undefined && { file: { id: scene.saidFile, name: 'output.txt' } }),
  }
}

/** How it ended, after how long, for how much. */
export const headOf = (job: Job): string => {
  const [sign, word] = states[job.state]
  const seconds =
    job.startedAt && job.endedAt ? (Date.parse(job.endedAt) - Date.parse(job.startedAt)) / 1000 : undefined
  const time = seconds === undefined ? '' : ` ${job.state === 'succeeded' ? 'in' : 'after'} ${took(seconds)}`
  return [`${sign} **${word}**${time}`, job.cost > 0 ? money(job.cost) : ''].filter(Boolean).join(' · ')
}

/** What became of the work: where it is, or that it could not be merged and what to do. Empty where nothing changed. */
export const workOf = (job: Job, { changed, merged }: Scene): string => {
  if (!job.branch) return ''
  const branch = code(job.branch)
  if (merged && merged.conflicts.length > 0)
    return `⚠️ Its work does not fit the newest ${code(merged.into)} (${names(merged.conflicts)}), so it stays on the branch ${branch}. Ask here to have the two brought together, or merge it yourself.`
  if (changed.length === 0) return ''
  const files = `📝 ${plural(changed.length, 'file')} changed (${names(changed)})`
  if (!merged) return `${files}, kept on the branch ${branch}`
  return `${files}, now in ${code(merged.into)} at ${code((merged.commit ?? job.commit ?? '').slice(0, 10))}`
}

const names = (files: readonly string[]) =>
  [...files.slice(0, 5).map(file => code(file, 60)), ...(files.length > 5 ? ['…'] : [])].join(', ')

/** A success's summary is the agent's last words. */
const wordsOf = (job: Job, { lastWords }: Scene) =>
  job.state === 'succeeded' ? (job.summary ?? lastWords) : lastWords
