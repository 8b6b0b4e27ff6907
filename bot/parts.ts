import { createHash } from 'node:crypto'
import type { Message, Outbox, Posting } from '../store/records.ts'
import { split } from './split.ts'

/** A message as it goes out in one call, and its hash. */
interface Part {
  readonly message: Message
  readonly hash: string
}

/**
 * A message cut to what one call can carry: pieces of text of at most `limit` characters, the buttons under the last, and
 * the file by itself, so that a failed upload repeats no text.
 */
const partsOf = (message: Message, limit: number): readonly Part[] => {
  const { text, buttons, file, onlyFor } = message
  const pieces = split(text, limit)
  if (pieces.length === 1 && !(file && (text || buttons))) return [hashed(message)]
  const to = onlyFor ? { onlyFor } : {}
  return [
    ...pieces.map((piece, n) =>
      hashed({ text: piece, ...(buttons && n === pieces.length - 1 && { buttons }), ...to }),
    ),
    ...(file ? [hashed({ text: '', file, ...to })] : []),
  ]
}

/** The next call that brings a slot nearer to what it should show; `undefined` when it shows it. */
export const stepOf = (
  { wanted, shown }: Pick<Outbox, 'wanted' | 'shown'>,
  limit: number,
): { readonly kind: 'post' | 'edit'; readonly index: number; readonly part: Part } | undefined => {
  const parts = partsOf(wanted, limit)
  const there = shown ? [shown, ...(shown.more ?? [])] : []
  const missing = parts[there.length]
  if (missing) return { kind: 'post', index: there.length, part: missing }
  for (const [index, { hash }] of there.entries()) {
    const part = parts[index] ?? nothing
    if (part.hash !== hash) return { kind: 'edit', index, part }
  }
  return undefined
}

/** What was posted, once the part at `index` is there. */
export const shownWith = (
  shown: Outbox['shown'],
  index: number,
  posting: Posting,
): NonNullable<Outbox['shown']> => {
  const all = shown ? [shown, ...(shown.more ?? [])] : []
  const [first = posting, ...more] = all
    .toSpliced(index, 1, posting)
    .map(({ messageId, hash }) => ({ messageId, hash }))
  return more.length > 0 ? { ...first, more } : first
}

const hashed = (message: Message): Part => ({
  message,
  hash: createHash('sha256').update(JSON.stringify(message)).digest('hex'),
})

/** What is left of a part that a shorter message needs no more. */
const nothing = hashed({ text: '…' })
