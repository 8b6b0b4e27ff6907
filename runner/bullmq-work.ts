import { once } from 'node:events'
import type { Job } from 'bullmq'
import { WaitingError, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { openRedis, sever, within } from '../store/redis-client.ts'
import { backoffMs } from './queue.ts'

/** A process that is gone loses its tickets after this long; one that lives says so at half of it. */
const lockMs = 15_000
/** How often the processes look, one of them at a time, for tickets of those that are gone. */
const stalledMs = 5000
/** The longest that a worker waits for a ticket in one command; BullMQ allows no more. */
const waitSeconds = 10
/** After trouble with Redis a worker asks again this soon. */
const retryMs = 1000
/** What is handled is told to Redis in this time, or is delivered once more. */
const farewellMs = 5000

/**
 * Handles tickets as `Queue.work` promises, over connections of its own. A ticket whose process is gone is no failure,
 * however often that happens: the store knows what became of the job.
 */
export const workOn = async (options: {
  readonly url: string
  readonly name: string
  readonly prefix: string
  readonly handle: (job: string) => Promise<void>
  readonly concurrency: number
  readonly signal: AbortSignal
  readonly troubled: (error: Error) => void
}): Promise<void> => {
  const { url, name, prefix, handle, concurrency, signal, troubled } = options
  if (signal.aborted) return
  const client = await openRedis({ url, troubled, waits: true })
  const connections = watchCopies(client, troubled)
  const inHand = new Set<Promise<unknown>>()

  async function take(ticket: Job<{ readonly job: string }>, token?: string): Promise<void> {
    if (signal.aborted) {
      await ticket.moveToWait(token)
      throw new WaitingError()
    }
    const handling = handle(ticket.data.job)
    inHand.add(handling)
    try {
      await handling
    } catch {
      // Redis keeps the message of an error, and what is in this one is nobody's business there.
      throw new Error('The handler threw.')
    } finally {
      inHand.delete(handling)
    }
  }

  const worker = new Worker(name, take, {
    connection: client,
    prefix,
    concurrency,
    lockDuration: lockMs,
    stalledInterval: stalledMs,
    maxStalledCount: 1e9,
    drainDelay: waitSeconds,
    runRetryDelay: retryMs,
    settings: { backoffStrategy: backoffMs },
  })
  worker.on('error', troubled)
  if (!signal.aborted) await once(signal, 'abort')
  // Takes nothing new from now on; resolves once Redis knows of all that was in hand.
  const told = worker.pause()
  told.catch(() => {})
  await Promise.allSettled(inHand)
  await within(farewellMs, told).catch(troubled)
  await worker.close(true)
  for (const connection of connections) sever(connection)
}

/** The connection and all that are made like it: BullMQ waits on a copy, and does not let go of one that is cut off. */
const watchCopies = (client: Redis, troubled: (error: Error) => void): readonly Redis[] => {
  const connections = [client]
  const duplicate = client.duplicate.bind(client)
  client.duplicate = override => {
    const copy = duplicate(override)
    connections.push(copy.on('error', troubled))
    return copy
  }
  return connections
}
