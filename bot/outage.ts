import type { Logger } from 'pino'
import type { Message } from '../store/records.ts'
import { pause } from './pause.ts'
import type { Platform } from './platform.ts'
import { Limited } from './platform.ts'
import type { Thread } from './threads.ts'

export interface OutageParts {
  readonly platforms: ReadonlyMap<string, Platform>
  /** Where people wait for something now. */
  readonly threads: () => Iterable<Thread>
  readonly log: Pick<Logger, 'warn' | 'error' | 'info'>
  readonly signal: AbortSignal
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** The times in which the store does not answer. */
export interface Outage extends AsyncDisposable {
  /** The store is away, or answers again. */
  notice(isAway: boolean): void
}

/** A shorter one nobody is told of. */
const patienceMs = 5000
const beginsText =
  '⏳ Bellhop cannot reach its database right now. Nothing is lost: the job goes on, and this thread catches up by itself.'
const endsText = '☑️ Bellhop could not reach its database for a while. It can again, and nothing was lost.'

/**
 * Tells each thread that waits for something once when the store is away for more than 5 s, and changes that message when
 * it is back. It goes past the outbox, which is in the store: as well as it can, and not at all where the platform fails.
 */
export const openOutage = (parts: OutageParts): Outage => {
  const { platforms, threads, log, wait = pause } = parts
  const closing = new AbortController()
  const signal = AbortSignal.any([parts.signal, closing.signal])
  const telling = new Set<Promise<void>>()
  let now: AbortController | undefined

  const tell = async (over: AbortSignal): Promise<void> => {
    const ended = AbortSignal.any([over, signal])
    // Counted in small steps, so that a process that was stopped does not take its own sleep for an outage.
    for (let ms = 0; ms < patienceMs && !ended.aborted; ms += 500) await wait(500, ended)
    if (ended.aborted) return
    log.error('The store does not answer; the threads of live jobs are told.')
    const told = await tellAll(ended)
    if (!ended.aborted)
      await new Promise<void>(resolve => ended.addEventListener('abort', () => resolve(), { once: true }))
    if (signal.aborted) return
    log.info('The store answers again.')
    await untell(told)
  }

  /** One thread of a channel after another, as the platform wants posts to come. */
  const tellAll = async (ended: AbortSignal): Promise<readonly Told[]> => {
    const all = new Map([...threads()].map(thread => [thread.address, thread]))
    const told: Told[] = []
    const channels = Map.groupBy(all.values(), ({ channel }) => channel)
    await Promise.all(
      [...channels.values()].map(async own => {
        for (const thread of own) {
          const platform = platforms.get(thread.platform)
          if (!platform || ended.aborted) continue
          const posted = await attempt(() => platform.post(thread.address, messageOf(beginsText)), ended)
          if (posted) told.push({ ...thread, ...posted, by: platform })
          await wait(platform.limits.postEveryMs, ended)
        }
      }),
    )
    return told
  }

  /** At half the pace of a team's edits, since the outbox makes up for much at the same time. */
  const untell = async (told: readonly Told[]): Promise<void> => {
    await Promise.all(
      [...Map.groupBy(told, ({ team }) => team).values()].map(async own => {
        for (const { by, address, messageId } of own) {
          if (signal.aborted) return
          await attempt(() => by.edit(address, messageId, messageOf(endsText)), signal)
          await wait(120_000 / by.limits.editsPerMinute, signal)
        }
      }),
    )
  }

  /** What it gives, after the pauses that the platform asks for; `undefined` when it fails or it is too late. */
  const attempt = async <T>(call: () => Promise<T>, ended: AbortSignal): Promise<T | undefined> => {
    while (!ended.aborted) {
      try {
        return await call()
      } catch (error) {
        if (!(error instanceof Limited)) {
          log.warn({ err: error }, 'A thread could not be told that the store is away, or back.')
          return undefined
        }
        await wait(error.retryAfterMs, ended)
      }
    }
    return undefined
  }

  return {
    notice: isAway => {
      if (isAway === (now !== undefined)) return
      now?.abort()
      now = isAway ? new AbortController() : undefined
      if (!now) return
      const told = tell(now.signal).finally(() => telling.delete(told))
      telling.add(told)
    },
    [Symbol.asyncDispose]: async () => {
      closing.abort()
      await Promise.all(telling)
    },
  }
}

interface Told extends Thread {
  readonly messageId: string
  readonly by: Platform
}

const messageOf = (text: string): Message => ({ text })
