import { Buffer } from 'node:buffer'
import { maxInlineBytes } from '../store/events.ts'
import type { Files } from '../store/files.ts'
import { nameId } from '../store/ids.ts'
import type { Store } from '../store/store.ts'
import type { Keyed } from './logbook.ts'

/** Moves what is too long for an event into a file of the job, and names the file in its place. */
export type Spill = (job: string, event: Keyed) => Promise<Keyed>

/** What of a long text stays in the event: its last part, where results stand. */
const keptCharacters = 8000

export const openSpill =
  ({
    store,
    files,
    now,
  }: {
    readonly store: Store
    readonly files: Files
    readonly now: () => Date
  }): Spill =>
  async (job, event) => {
    if (event.type !== 'said' && event.type !== 'thought' && event.type !== 'returned') return event
    const bytes = Buffer.byteLength(event.text)
    if (bytes <= maxInlineBytes) return event
    const id = nameId(`${job} ${event.key}`)
    await files.write(id, event.text, bytes)
    await store.put('files', {
      _id: id,
      rev: 0,
      name: `${event.type}.txt`,
      bytes,
      mime: 'text/plain; charset=utf-8',
      job,
      createdAt: now().toISOString(),
    })
    return { ...event, text: event.text.slice(-keptCharacters).toWellFormed(), file: id }
  }
