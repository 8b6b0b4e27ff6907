import type { Doors } from '../sandbox/gateway.ts'
import type { Files } from '../store/files.ts'
import { randomId } from '../store/ids.ts'
import { isOver, sessionName } from '../store/lifecycle.ts'
import type { Repos } from '../store/repos.ts'
import type { Store } from '../store/store.ts'
import type { Logbook } from './logbook.ts'

/** What stands behind a box's gateway: the repositories, the files, and the log that each use of it is written to. */
export const openDoors = ({
  store,
  files,
  repos,
  logbook,
  now,
}: {
  readonly store: Store
  readonly files: Files
  readonly repos: Repos
  readonly logbook: Logbook
  readonly now: () => Date
}): Doors => ({
  git: (repository, request, push) => repos.serve(repository, request, { push }),
  readFile: id => files.read(id),
  keepFile: async ({ job, attempt }, { purpose, name: given, mime, body }, limit) => {
    const id = randomId()
    const name = purpose === 'session' ? sessionName : given
    const { bytes } = await files.write(id, body, limit)
    await store.put('files', { _id: id, rev: 0, name, bytes, mime, job, createdAt: now().toISOString() })
    await logbook.add(
      job,
      [{ type: 'produced', key: `${attempt}/file/${id}`, file: id, name, bytes, mime }],
      attempt,
    )
    return id
  },
  current: async ({ job, attempt }) => {
    const now = await logbook.current(job)
    return now?.attempt === attempt && !isOver(now.state)
  },
  spent: async ({ job, attempt }) => {
    const log = await logbook.read(job)
    return log.reduce(
      (sum, entry) => (entry.type === 'metered' && entry.attempt === attempt ? sum + entry.cost : sum),
      0,
    )
  },
  metered: async ({ job, attempt }, usage) => {
    await logbook.add(job, [{ type: 'metered', key: `${attempt}/metered/${randomId()}`, ...usage }], attempt)
  },
  refused: async ({ job, attempt }, refusal) => {
    await logbook.add(
      job,
      [{ type: 'refused', key: `${attempt}/refused/${randomId()}`, ...refusal }],
      attempt,
    )
  },
})
