import type { Turn } from '../store/events.ts'
import type { Outbox } from '../store/records.ts'
import type { Entry, Store } from '../store/store.ts'
import type { Shown } from './intake.ts'

/** Has a job's log shown in its conversation: the narrator finds the delivery. Safe to repeat. */
export const announce = async (
  store: Store,
  { conversation, job }: { readonly conversation: string; readonly job: string },
): Promise<void> => {
  await store.put('deliveries', {
    _id: `${conversation}/${job}`,
    rev: 0,
    conversation,
    job,
    seq: 0,
    done: false,
  })
}

/** What people said and what was posted in a conversation, in order of time. What only one person may see is left out. */
export const messagesOf = async (store: Store, conversation: string): Promise<readonly Shown[]> => {
  const turns: Entry<Turn>[] = []
  while (true) {
    const page = await store.after(`conversation/${conversation}`, turns.at(-1)?.seq ?? 0)
    if (page.length === 0) break
    turns.push(...page)
  }
  const names = new Map<string, string>()
  const nameOf = async (user: string) => {
    if (!names.has(user)) names.set(user, (await store.get('users', user))?.name ?? 'Somebody')
    return names.get(user) ?? 'Somebody'
  }
  const said: Shown[] = []
  for (const turn of turns) {
    if (turn.by === 'bellhop' || turn.erased) continue
    const { at, by, text, job } = turn
    said.push({
      id: `turn-${turn.seq}`,
      at,
      by,
      byName: await nameOf(by),
      message: { text },
      ...(job && { job }),
    })
  }
  const rows: Outbox[] = []
  while (true) {
    const where = { conversation, n: { gt: rows.at(-1)?.n ?? 0 } }
    const page = await store.find('outbox', { where, by: 'n', limit: 1000 })
    if (page.length === 0) break
    rows.push(...page)
  }
  const posted = rows
    .filter(row => !row.wanted.onlyFor)
    .map(({ _id, slot, createdAt, wanted }) => ({
      id: _id,
      at: createdAt,
      by: 'bellhop',
      byName: 'Bellhop',
      message: wanted,
      ...jobIn(slot),
    }))
  return [...said, ...posted].toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
}

/** A slot that tells of a job is `what/job`, with more behind it where there are several. */
const jobIn = (slot: string) => {
  const [, job] = slot.split('/')
  return job === undefined ? {} : { job }
}
