import { stripVTControlCharacters } from 'node:util'
import type { JobState } from '../store/records.ts'

/** The sign and the word of each state. */
export const states: { readonly [S in JobState]: readonly [sign: string, word: string] } = {
  queued: ['⏳', 'Queued'],
  starting: ['🔧', 'Starting'],
  running: ['▶️', 'Running'],
  waiting: ['❓', 'Waiting for an answer'],
  paused: ['⏸', 'Paused'],
  verifying: ['💾', 'Saving its work'],
  succeeded: ['✅', 'Done'],
  failed: ['❌', 'Failed'],
  cancelled: ['⏹', 'Cancelled'],
  timed_out: ['⏱', 'Timed out'],
}

/** Lines of one paragraph, kept apart as CommonMark wants it; empty ones are left out. */
export const lines = (parts: readonly string[]): string => parts.filter(Boolean).join('  \n')

/** Some text in one line as a code span, so that nothing in it is taken for markup. Empty for empty text. */
export const code = (text: string, most = 120): string => {
  const line = oneLine(text).replaceAll('`', "'")
  return line === '' ? '' : `\`${line.length > most ? `${line.slice(0, most - 1).toWellFormed()}…` : line}\``
}

/** All of a text in one line. */
export const oneLine = (text: string): string => clean(text).replaceAll(/\s+/g, ' ').trim()

/** A name without what could be taken for markup. */
export const plain = (name: string): string =>
  clean(name)
    .replaceAll(/[\s*_~`<>()[\]#|\\]+/g, ' ')
    .trim()
    .slice(0, 60)
    .toWellFormed()

/** Terminal output as it reads in the end: no colours or control characters, only the last state of a progress line. */
export const clean = (text: string): string =>
  stripVTControlCharacters(text)
    .replaceAll('\r\n', '\n')
    .replaceAll(/^.*\r(?=[^\n])/gm, '')
    .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '')

/** The last part of a text, at most `most` characters, from the start of a line where one is near. */
export const tailOf = (text: string, most: number): string => {
  if (text.length <= most) return text
  const tail = text.slice(-most).toWellFormed()
  const line = tail.indexOf('\n')
  return line !== -1 && line < most / 4 ? tail.slice(line + 1) : tail
}

/** The same of markdown: a code fence that the cut went through is opened again, and the last one closed. */
export const tailOfMarkdown = (text: string, most: number): string => {
  const tail = tailOf(text, most)
  const open = openFence(text.slice(0, text.length - tail.length))
  const whole = open === undefined ? tail : `${open}\n${tail}`
  const left = openFence(whole)
  return left === undefined ? whole : `${whole.trimEnd()}\n${left}`
}

/** The marks that would close the fence which is open at the end of a text. */
const openFence = (text: string): string | undefined => {
  let open: string | undefined
  for (const line of text.split('\n')) {
    const [, marks = '', info = ''] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? []
    if (marks === '') continue
    if (open === undefined) open = marks
    else if (marks.startsWith(open) && info.trim() === '') open = undefined
  }
  return open
}
