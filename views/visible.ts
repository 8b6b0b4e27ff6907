import { stripVTControlCharacters } from 'node:util'

/** Control characters, and those that turn round or hide what stands beside them. */
const hidden =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

/**
 * Somebody's text as it can be shown: without terminal colours, a line that was overwritten as it was left in the end, and
 * what the eye would miss or be fooled by written out, `⟨U+202E⟩`.
 */
export const visible = (text: string): string =>
  stripVTControlCharacters(text)
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map(line => line.slice(line.lastIndexOf('\r', line.length - 2) + 1).replace(/\r$/, ''))
    .join('\n')
    .replaceAll(hidden, char => `⟨U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`)
