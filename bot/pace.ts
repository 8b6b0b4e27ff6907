import type { Limits } from './platform.ts'

/** One call to make: the first post of a message, or of a further part of it, or an edit. Times are ms since the epoch. */
export interface Move {
  readonly id: string
  readonly kind: 'post' | 'edit'
  readonly conversation: string
  readonly channel: string
  readonly team: string
  readonly urgent: boolean
  /** Order inside the conversation. */
  readonly n: number
  readonly since: number
}

/** What was done so far. All that the rules need to know, and nothing that outlives the process. */
export interface Pace {
  /** Moves in hand. */
  readonly busy: readonly Move[]
  /** When the last post in a channel was done. */
  readonly posted: ReadonlyMap<string, number>
  /** When edits of a team were done, oldest first; older ones than a minute do not matter. */
  readonly edited: ReadonlyMap<string, readonly number[]>
  /** When a conversation had its last edit. */
  readonly turn: ReadonlyMap<string, number>
  /** Not before then: by move, `post <channel>`, `edit <channel>`, `edit <team>`. */
  readonly notBefore: ReadonlyMap<string, number>
}

export const minuteMs = 60_000
/** As many edits a minute go out at once; the rest is spread over it. */
const burst = 10
/** Nobody reads faster; what changes in between is in the next edit. */
const editEveryMs = 1000

/**
 * The moves to start at `now`, and when the next could start without anything else happening. Posts: in order of `n` in a
 * conversation, urgent conversations first, one at a time and `postEveryMs` apart in a channel. Edits: `editsPerMinute`
 * in any minute of a team, the conversation that waited longest first, urgent ones before. Nothing waits for another channel.
 */
export const pick = (
  moves: readonly Move[],
  pace: Pace,
  { postEveryMs, editsPerMinute }: Limits,
  now: number,
): { readonly start: readonly Move[]; readonly next: number } => {
  const start: Move[] = []
  const taken = new Set(pace.busy.map(({ conversation }) => conversation))
  let next = Number.POSITIVE_INFINITY
  /** Whether the time has come; if not, it is one to wake up for. */
  const due = (...times: readonly (number | undefined)[]): boolean => {
    const time = Math.max(...times.map(one => one ?? 0))
    if (time > now) next = Math.min(next, time)
    return time <= now
  }
  const open = (move: Move, kind: Move['kind']) => move.kind === kind && !taken.has(move.conversation)

  const channels = new Set(pace.busy.filter(({ kind }) => kind === 'post').map(({ channel }) => channel))
  for (const move of heads(moves.filter(move => open(move, 'post'))).toSorted(inOrder)) {
    const { channel, conversation, id } = move
    if (channels.has(channel) || !due(pace.notBefore.get(id))) continue
    channels.add(channel)
    const last = pace.posted.get(channel)
    if (!due(last === undefined ? 0 : last + postEveryMs, pace.notBefore.get(`post ${channel}`))) continue
    taken.add(conversation)
    start.push(move)
  }

  for (const [team, own] of byTeam(moves.filter(move => open(move, 'edit')))) {
    let inHand = pace.busy.filter(move => move.kind === 'edit' && move.team === team).length
    const order = own.toSorted(
      (a, b) =>
        rank(b) - rank(a) ||
        (pace.turn.get(a.conversation) ?? 0) - (pace.turn.get(b.conversation) ?? 0) ||
        inOrder(a, b),
    )
    for (const move of order) {
      const { channel, conversation, id } = move
      if (
        !due(
          editFrom(pace.edited.get(team) ?? [], inHand, editsPerMinute, now),
          pace.notBefore.get(`edit ${team}`),
        )
      )
        break
      const turn = pace.turn.get(conversation)
      const mine = turn === undefined ? 0 : turn + editEveryMs
      if (
        taken.has(conversation) ||
        !due(mine, pace.notBefore.get(id), pace.notBefore.get(`edit ${channel}`))
      )
        continue
      taken.add(conversation)
      start.push(move)
      inHand++
    }
  }
  return { start, next }
}

/**
 * When the next edit of a team may start, given when earlier ones were done and how many are in hand. Counted from done to
 * start, the platform never sees more than `most` in any minute, however long each is on its way.
 */
export const editFrom = (done: readonly number[], inHand: number, most: number, now: number): number => {
  const recent = done.filter(time => time > now - minuteMs)
  const used = recent.length + inHand
  if (used < Math.min(burst, most)) return now
  const oldest = recent[0] ?? now
  if (used >= most) return (recent[used - most] ?? now) + minuteMs
  const last = inHand > 0 ? now : (recent.at(-1) ?? now)
  return last + (oldest + minuteMs - last) / (most - used)
}

/** Pause before a call is tried again after its n-th failure: 1 s, doubled each time, 30 s at most. */
export const backoffMs = (failures: number): number => Math.min(30_000, 1000 * 2 ** (failures - 1))

/** The first post of each conversation; an urgent one behind it makes it as urgent, since then. */
const heads = (posts: readonly Move[]): readonly Move[] =>
  [...Map.groupBy(posts, ({ conversation }) => conversation).values()].flatMap(own => {
    const head = own.toSorted((a, b) => a.n - b.n || (a.id < b.id ? -1 : 1))[0]
    const pressing = own.filter(({ urgent }) => urgent).map(({ since }) => since)
    if (!head) return []
    return pressing.length > 0 ? { ...head, urgent: true, since: Math.min(...pressing) } : head
  })

const byTeam = (moves: readonly Move[]): ReadonlyMap<string, readonly Move[]> =>
  Map.groupBy(moves, ({ team }) => team)

const rank = ({ urgent }: Move): number => (urgent ? 1 : 0)

const inOrder = (a: Move, b: Move): number =>
  rank(b) - rank(a) || a.since - b.since || a.n - b.n || (a.id < b.id ? -1 : 1)
