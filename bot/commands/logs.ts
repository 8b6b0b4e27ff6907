import type { Event } from '../../store/events.ts'
import type { Job } from '../../store/records.ts'
import type { Entry, Store } from '../../store/store.ts'
import { clean, states, tailOf } from '../render-text.ts'
import { inputOf } from '../scene.ts'
import { fenced } from '../words.ts'

/** What of a log fits a thread. */
const mostCharacters = 2500
/** As many of the last entries are read as surely fill that. */
const mostEntries = 400

/** The last part of a job's log as text in a code block, with a link to all of it. */
export const lastOfLog = async (store: Store, job: Job, publicUrl: string): Promise<string> => {
  const entries: Entry<Event>[] = []
  let seq = Math.max(0, job.folded - mostEntries)
  while (true) {
    const page = await store.after(`job/${job._id}`, seq)
    if (page.length === 0) break
    entries.push(...page.slice(-mostEntries))
    seq = page.at(-1)?.seq ?? seq
  }
  const text = tailOf(clean(entries.map(wordsOf).join('')).trim(), mostCharacters)
  const head = `Log of [${job._id}](${publicUrl}/jobs/${job._id}), ${states[job.state][1].toLowerCase()}:`
  return text === '' ? `${head} nothing was said yet.` : `${head}\n${fenced(text)}`
}

const wordsOf = (entry: Entry<Event>): string => {
  if (entry.erased) return ''
  switch (entry.type) {
    case 'said':
      return entry.text
    case 'used':
      return `\n> ${entry.tool} ${inputOf(entry.input)}\n`
    case 'returned':
      return `${tailOf(entry.text, 500)}\n`
    case 'noted':
      return `\n(${entry.text})\n`
    case 'refused':
      return `\n(refused: ${entry.what}: ${entry.why})\n`
    case 'retrying':
      return `\n(tried again: ${entry.why})\n`
    case 'ended':
      return `\n(${entry.summary})\n`
    case 'queued':
    case 'started':
    case 'opened':
    case 'planned':
    case 'thought':
    case 'asked':
    case 'answered':
    case 'steered':
    case 'spawned':
    case 'produced':
    case 'exited':
    case 'committed':
    case 'merged':
    case 'verified':
    case 'metered':
    case 'paused':
    case 'resumed':
      return ''
    default:
      entry satisfies never
      return ''
  }
}
