import type { Event, PlanItem } from '../store/events.ts'
import { sessionName } from '../store/lifecycle.ts'
import type { Entry } from '../store/store.ts'

/** What a thread needs to know of a job's log, in bounded size however long the log is. */
export interface Scene {
  /** What it is doing now, one line. */
  readonly doing: string
  readonly plan: readonly PlanItem[]
  /** Sentences its people should know: what the sandbox cannot do, why it is tried again. */
  readonly notes: readonly string[]
  /** The last part of what was said, and whether more came before. */
  readonly tail: string
  readonly cut: boolean
  /** What the agent said last as one piece. */
  readonly lastWords: string
  /** The file that holds something said in full, where it was too long for the log. */
  readonly saidFile?: string
  readonly questions: readonly Question[]
  readonly files: readonly { readonly id: string; readonly name: string }[]
  readonly changed: readonly string[]
  readonly merged?: { readonly into: string; readonly commit?: string; readonly conflicts: readonly string[] }
  readonly openedAt?: string
}

export const emptyScene: Scene = {
  doing: '',
  plan: [],
  notes: [],
  tail: '',
  cut: false,
  lastWords: '',
  questions: [],
  files: [],
  changed: [],
}

/** What of the output is shown in the thread; the rest lies in a file and on the page. */
export const mostTail = 3000
const mostNotes = 5
const mostFiles = 20
const mostChanged = 1000
const mostQuestions = 20
const longestLine = 150

type Question = Pick<Extract<Event, { readonly type: 'asked' }>, 'question' | 'text' | 'choices'>

/** The scene after one more entry. */
export const see = (scene: Scene, entry: Entry<Event>): Scene => {
  if (entry.erased) return scene
  switch (entry.type) {
    case 'started':
      return { ...emptyScene, notes: scene.notes, files: scene.files, questions: scene.questions }
    case 'opened':
      return { ...scene, openedAt: entry.at, notes: add(scene.notes, warningsOf(entry)) }
    case 'planned':
      return { ...scene, plan: entry.items.slice(0, 30) }
    case 'said': {
      const tail = scene.tail + entry.text
      return {
        ...scene,
        tail: tail.slice(-mostTail).toWellFormed(),
        cut: scene.cut || tail.length > mostTail,
        lastWords: entry.text.slice(-4 * mostTail).toWellFormed(),
        ...(entry.file !== undefined && { saidFile: entry.file }),
        doing: line(entry.text),
      }
    }
    case 'thought':
      return { ...scene, doing: `Thinking: ${line(entry.text)}` }
    case 'used':
      return { ...scene, doing: `${entry.tool}: ${line(inputOf(entry.input))}` }
    case 'noted':
      return entry.level === 'info'
        ? { ...scene, doing: line(entry.text) }
        : { ...scene, notes: add(scene.notes, [entry.text]) }
    case 'refused':
      return { ...scene, notes: add(scene.notes, [`Refused (${entry.route}): ${entry.why}`]) }
    case 'asked':
      return { ...scene, questions: [...scene.questions, questionOf(entry)].slice(-mostQuestions) }
    case 'produced':
      if (entry.name === sessionName || scene.files.length >= mostFiles) return scene
      return { ...scene, files: [...scene.files, { id: entry.file, name: entry.name }] }
    case 'committed':
      return { ...scene, changed: entry.files.slice(0, mostChanged) }
    case 'merged':
      return { ...scene, merged: entry }
    case 'retrying':
      return { ...scene, notes: add(scene.notes, [`${entry.why} It is tried again.`]) }
    case 'paused':
      return { ...scene, notes: add(scene.notes, [entry.why]) }
    case 'queued':
    case 'returned':
    case 'answered':
    case 'steered':
    case 'spawned':
    case 'exited':
    case 'verified':
    case 'metered':
    case 'resumed':
    case 'ended':
      return scene
    default:
      entry satisfies never
      return scene
  }
}

const questionOf = ({ question, text, choices }: Question): Question => ({ question, text, choices })

/** What a box cannot limit stands in the log; that it isolates nothing is said in the thread. */
const warningsOf = ({ sandbox, limits = [] }: Extract<Event, { readonly type: 'opened' }>) =>
  sandbox === 'process' ? limits : []

const add = (notes: readonly string[], more: readonly string[]) =>
  [...new Set([...notes, ...more])].slice(-mostNotes)

/** The last line with words in it, cut to a length. */
const line = (text: string) => {
  const last = text.trimEnd().split('\n').at(-1)?.trim() ?? ''
  return last.length > longestLine ? `${last.slice(0, longestLine).toWellFormed()}…` : last
}

/** The one thing in a tool's input that tells people most. */
export const inputOf = (input: unknown): string => {
  if (typeof input !== 'object' || input === null) return ''
  const fields = input as Record<string, unknown>
  for (const name of ['description', 'command', 'file_path', 'path', 'pattern', 'url', 'query', 'prompt'])
    if (typeof fields[name] === 'string') return fields[name].split('\n', 1)[0] ?? ''
  return ''
}
