import type { Event } from '../store/events.ts'
import type { Job } from '../store/records.ts'
import type { Entry } from '../store/store.ts'

/** Of a command's output the conversation remembers this many characters, its end. */
const remembered = 1500

/**
 * What a conversation remembers as the answer of a job: its summary and, of a command, the end of what it printed, so that
 * whoever goes on in the thread knows it.
 */
export const answerOf = ({ agent, summary = '' }: Job, log: readonly Entry<Event>[]): string => {
  if (agent !== 'command') return summary
  const printed = log
    .map(entry => (entry.type === 'said' && !entry.erased ? entry.text : ''))
    .join('')
    .trim()
  if (printed === '') return summary
  const end = printed.length > remembered ? `…${printed.slice(-remembered).toWellFormed()}` : printed
  return `${summary}\nIt printed:\n${end}`
}
