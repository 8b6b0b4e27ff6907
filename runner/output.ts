import { Buffer } from 'node:buffer'
import type { Files } from '../store/files.ts'
import { nameId } from '../store/ids.ts'
import type { Job } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import type { Logbook } from './logbook.ts'

/** A thread shows the end of a command's output; more characters than this are kept as a file beside it. */
const shownInThread = 3000

/** Keeps a long output of a command whole, as a file of its job. Safe to repeat. */
export type KeepOutput = (job: Job, attempt: number) => Promise<void>

export const openKeepOutput =
  ({
    store,
    files,
    logbook,
    now,
  }: {
    readonly store: Store
    readonly files: Files
    readonly logbook: Logbook
    readonly now: () => Date
  }): KeepOutput =>
  async ({ _id: job, agent }, attempt) => {
    if (agent !== 'command') return
    const log = await logbook.read(job)
    const text = log
      .map(entry => (entry.attempt === attempt && entry.type === 'said' ? entry.text : ''))
      .join('')
    if (text.length <= shownInThread) return
    const file = nameId(`${job} ${attempt} output`)
    const name = 'output.txt'
    const mime = 'text/plain; charset=utf-8'
    const bytes = Buffer.byteLength(text)
    await files.write(file, text, bytes)
    await store.put('files', { _id: file, rev: 0, name, bytes, mime, job, createdAt: now().toISOString() })
    await logbook.add(job, [{ type: 'produced', key: `${attempt}/output`, file, name, bytes, mime }], attempt)
  }
