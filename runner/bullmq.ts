import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Queue as BullQueue } from 'bullmq'
import type { Logger } from 'pino'
import { openRedis, ping, sever, tellRarely, within } from '../store/redis-client.ts'
import { openFiller } from './bullmq-fill.ts'
import { workOn } from './bullmq-work.ts'
import type { Queue } from './queue.ts'

/** A command without an answer for so long counts as lost, though it may still be carried out. */
const answerMs = 5000
/** How often it is tried to say that tickets were lost. */
const confessMs = 500
/** Before its end, a queue gives Redis this long to say goodbye. */
const farewellMs = 1000

export interface BullmqOptions {
  readonly url: string
  readonly now: () => Date
  /** Of all keys in Redis; several installations may share one under different prefixes. */
  readonly prefix?: string
  readonly log?: Pick<Logger, 'warn'>
}

/**
 * A queue that any number of processes share: each ticket is handled by one of them at a time, and what a process had in hand
 * when it was killed comes to another within 20 s. Opens without Redis too.
 */
export const openBullmq = async ({ url, now, prefix = 'bellhop', log }: BullmqOptions): Promise<Queue> => {
  const troubled = tellRarely(log, 'The queue has trouble with Redis: jobs may start late.')
  const client = await openRedis({ url, troubled, waits: true })
  const name = 'jobs'
  const bull = new BullQueue(name, {
    connection: client,
    prefix,
    streams: { events: { maxLen: 100 } },
    defaultJobOptions: {
      // A ticket is offered until it is handled: when a job has failed is decided by its runner.
      attempts: 1e9,
      backoff: { type: 'custom' },
      removeOnComplete: true,
      removeOnFail: true,
      stackTraceLimit: 0,
    },
  })
  bull.on('error', troubled)
  const closing = new AbortController()
  const filler = openFiller({ client, ask, prefix, troubled })
  let lost = false
  let confessing = false

  /** Does not wait for a server that is away. */
  async function ask<T>(command: () => Promise<T>): Promise<T> {
    if (client.status !== 'ready') throw new Error(`The connection to Redis is ${client.status}.`)
    return await within(answerMs, command())
  }

  /** Says that tickets were lost as soon as Redis can be told, so that whoever keeps the queue filled fills it. */
  async function confess(): Promise<void> {
    lost = true
    if (confessing) return
    confessing = true
    while (lost && !closing.signal.aborted) {
      lost = false
      await ask(filler.lost).catch(async () => {
        lost = true
        await pause(confessMs, undefined, { signal: closing.signal }).catch(() => {})
      })
    }
    confessing = false
  }

  return {
    add: async ({ job, priority, notBefore }) => {
      const delay = notBefore ? Math.max(0, Date.parse(notBefore) - now().getTime()) : 0
      const options = {
        // A name of its own for each ticket: the job is what makes them the same.
        jobId: `j-${randomUUID()}`,
        deduplication: { id: job, keepLastIfActive: true },
        priority: 10 - priority,
        delay,
      }
      try {
        await ask(() => bull.add('ticket', { job }, options))
      } catch (error) {
        troubled(error as Error)
        void confess()
      }
    },
    remove: async job => {
      try {
        await ask(async () => {
          const ticket = await bull.getDeduplicationJobId(job)
          if (ticket) await bull.remove(ticket)
          // What was added while the ticket is in hand: BullMQ queues it when that is done.
          await client.del(bull.toKey(`dn:${job}`))
        })
      } catch (error) {
        troubled(error as Error)
      }
    },
    work: (handle, options) => workOn({ url, name, prefix, handle, troubled, ...options }),
    keepFilled: filler.keep,
    ping: () => ping(client),
    [Symbol.asyncDispose]: async () => {
      closing.abort()
      await within(farewellMs, bull.close()).catch(() => {})
      if (client.status === 'ready') await within(farewellMs, client.quit()).catch(() => {})
      sever(client)
    },
  }
}
