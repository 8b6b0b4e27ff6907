import type { Delivered } from './deliver.ts'
import type { Move, Pace } from './pace.ts'
import { backoffMs, minuteMs } from './pace.ts'

/** Keeps what was done so far for the rules of `pace.ts`. */
export interface Pacer {
  readonly pace: Pace
  started(move: Move): void
  ended(move: Move, delivered: Delivered, now: number): void
}

/** What is older than this no rule asks for. */
const forgetMs = 60 * minuteMs

export const openPacer = (): Pacer => {
  const posted = new Map<string, number>()
  const edited = new Map<string, readonly number[]>()
  const turn = new Map<string, number>()
  const notBefore = new Map<string, number>()
  const failures = new Map<string, number>()
  /** The last pause a team's edits were asked for, by its channel. */
  const paused = new Map<string, { readonly channel: string; readonly until: number }>()
  let busy: readonly Move[] = []

  const hold = ({ kind, channel, team }: Move, now: number, until: number) => {
    notBefore.set(`${kind} ${channel}`, until)
    if (kind !== 'edit') return
    const other = paused.get(team)
    // A second channel refused meanwhile means that it is the team's limit, not a channel's.
    if (other && other.channel !== channel && other.until > now) notBefore.set(`edit ${team}`, until)
    paused.set(team, { channel, until })
  }

  const forget = (now: number) => {
    for (const times of [posted, turn, notBefore])
      for (const [key, time] of times) if (time < now - forgetMs) times.delete(key)
  }

  return {
    get pace() {
      return { busy, posted, edited, turn, notBefore }
    },
    started: move => {
      busy = [...busy, move]
    },
    ended: (move, delivered, now) => {
      busy = busy.filter(({ id }) => id !== move.id)
      if (delivered.type === 'none') return
      if (move.kind === 'post') posted.set(move.channel, now)
      else {
        const recent = (edited.get(move.team) ?? []).filter(time => time > now - minuteMs)
        edited.set(move.team, [...recent, now])
        turn.set(move.conversation, now)
      }
      if (delivered.type === 'limited') hold(move, now, now + delivered.ms)
      if (delivered.type === 'failed') {
        const count = (failures.get(move.id) ?? 0) + 1
        failures.set(move.id, count)
        notBefore.set(move.id, now + backoffMs(count))
      } else failures.delete(move.id)
      if (posted.size + turn.size + notBefore.size > 5000) forget(now)
    },
  }
}
