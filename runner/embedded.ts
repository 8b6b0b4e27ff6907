import type { Queue, Ticket } from './queue.ts'
import { backoffMs } from './queue.ts'

/** The queue of a single process: in memory, refilled from the store at start, so nothing of it needs to be kept. */
export const openEmbedded = ({ now }: { readonly now: () => Date }): Queue => {
  let order = 0
  let wake = Promise.withResolvers<void>()
  const waiting = new Map<string, Ticket & { readonly order: number; readonly due: number }>()
  const tries = new Map<string, number>()

  const put = (ticket: Ticket, due: number) => {
    waiting.set(ticket.job, { ...ticket, order: order++, due })
    stir()
  }
  /** Has the loop look again. It waits for this alone: waiting for a long job itself would leave a trace on it each time. */
  const stir = () => {
    wake.resolve()
    wake = Promise.withResolvers<void>()
  }
  const take = () => {
    const time = now().getTime()
    let first: (Ticket & { readonly order: number; readonly due: number }) | undefined
    for (const ticket of waiting.values()) {
      if (ticket.due > time) continue
      if (
        !first ||
        ticket.priority > first.priority ||
        (ticket.priority === first.priority && ticket.order < first.order)
      )
        first = ticket
    }
    if (first) waiting.delete(first.job)
    return first
  }
  const nextDue = () => {
    let due = Number.POSITIVE_INFINITY
    for (const ticket of waiting.values()) due = Math.min(due, ticket.due)
    return due
  }

  return {
    add: async ticket => {
      if (!waiting.has(ticket.job)) put(ticket, ticket.notBefore ? Date.parse(ticket.notBefore) : 0)
    },
    remove: async job => {
      waiting.delete(job)
    },
    work: async (handle, { concurrency, signal }) => {
      const inHand = new Set<Promise<void>>()
      const handleOne = async (ticket: Ticket) => {
        try {
          await handle(ticket.job)
          tries.delete(ticket.job)
        } catch {
          const tried = (tries.get(ticket.job) ?? 0) + 1
          tries.set(ticket.job, tried)
          put(ticket, now().getTime() + backoffMs(tried))
        }
      }
      while (!signal.aborted) {
        const ticket = inHand.size < concurrency ? take() : undefined
        if (ticket) {
          const done: Promise<void> = handleOne(ticket).finally(() => {
            inHand.delete(done)
            stir()
          })
          inHand.add(done)
          continue
        }
        const pause = inHand.size < concurrency ? nextDue() - now().getTime() : Number.POSITIVE_INFINITY
        await until(wake.promise, pause, signal)
      }
      await Promise.all(inHand)
    },
    keepFilled: async (fill, signal) => {
      const { promise: never } = Promise.withResolvers<void>()
      let filled = false
      while (!signal.aborted) {
        if (!filled)
          filled = await fill().then(
            () => true,
            () => false,
          )
        await until(never, filled ? Number.POSITIVE_INFINITY : refillMs, signal)
      }
    },
    ping: async () => {},
    [Symbol.asyncDispose]: async () => waiting.clear(),
  }
}

/** After a failure the queue is filled again. */
const refillMs = 2000

/** The longest that a timer of Node can run. */
const maxTimerMs = 2 ** 31 - 1

/** Until it settles, the time is over, or the signal aborts. */
const until = async (woken: Promise<void>, ms: number, signal: AbortSignal) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = Number.isFinite(ms) ? setTimeout(resolve, Math.min(Math.max(0, ms), maxTimerMs)) : undefined
  const stop = () => resolve()
  if (signal.aborted) resolve()
  signal.addEventListener('abort', stop, { once: true })
  await Promise.race([promise, woken])
  clearTimeout(timer)
  signal.removeEventListener('abort', stop)
}
