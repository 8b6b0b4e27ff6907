import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Queue } from './queue.ts'

/** How often it is looked whether the queue still holds its tickets. */
const lookMs = 2000
/** Whoever fills says so again at a third of this; after so long in silence another one may. */
const claimMs = 15_000

/** Gives up a claim, unless it has lapsed and is another's by now. */
const release = "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end"

export interface Filler {
  readonly keep: Queue['keepFilled']
  /** Says that tickets were lost, to whoever keeps the queue filled. Rejects when Redis is away. */
  lost(): Promise<unknown>
}

/**
 * Knows whether the queue holds its tickets. A mark in Redis names the life of the server in which it was filled (it is
 * another after a restart, which may have lost the last second) and how many losses had been told by then (a flush takes the
 * mark away altogether).
 */
export const openFiller = ({
  client,
  ask,
  prefix,
  troubled,
}: {
  readonly client: Redis
  /** Carries a command out, or rejects soon. */
  readonly ask: <T>(command: () => Promise<T>) => Promise<T>
  readonly prefix: string
  readonly troubled: (error: Error) => void
}): Filler => {
  const keys = { mark: `${prefix}:filled`, losses: `${prefix}:losses`, claim: `${prefix}:filling` }
  let life: string | undefined
  client.on('close', () => {
    life = undefined
  })

  /** The mark that the queue lacks, or undefined when it is filled. */
  async function missing(): Promise<string | undefined> {
    life ??= /^run_id:(\w+)/m.exec(await ask(() => client.info('server')))?.[1] ?? ''
    const [mark, losses] = await ask(() => client.mget(keys.mark, keys.losses))
    const wanted = `${life}/${losses ?? 0}`
    return mark === wanted ? undefined : wanted
  }

  async function look(fill: () => Promise<void>): Promise<void> {
    if (!(await missing())) return
    const own = randomUUID()
    if (!(await ask(() => client.set(keys.claim, own, 'PX', claimMs, 'NX')))) return
    const renewing = setInterval(
      () => ask(() => client.pexpire(keys.claim, claimMs)).catch(troubled),
      claimMs / 3,
    )
    try {
      const wanted = await missing()
      if (!wanted) return
      await fill()
      await ask(() => client.set(keys.mark, wanted))
    } finally {
      clearInterval(renewing)
      await ask(() => client.eval(release, 1, keys.claim, own)).catch(troubled)
    }
  }

  return {
    keep: async (fill, signal) => {
      while (!signal.aborted) {
        await look(fill).catch(troubled)
        await pause(lookMs, undefined, { signal }).catch(() => {})
      }
    },
    lost: () => client.incr(keys.losses),
  }
}
