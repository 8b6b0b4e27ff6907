import { createHash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Html } from './layout.ts'
import { stream } from './sse.ts'
import type { Asked, WebParts } from './web.ts'

export interface View {
  readonly html: Html
  /** The topics whose ring may change it. */
  readonly topics: readonly string[]
}

/** A lost ring costs at most this much. */
const lookAgainMs = 5000
/** Rings that come faster than this are answered together. */
const gatherMs = 100

/**
 * Keeps a part of a page up to date: renders it at each ring of its topics, and sends it when it has changed. Its digest is
 * the id of each message, so that a page that comes back with it is sent only what is new.
 */
export const streamView = (parts: WebParts, c: Asked, render: () => Promise<View>) =>
  stream(parts, c, async (signal, send) => {
    using subscriptions = new DisposableStack()
    const heard = new Set<string>()
    let look = Promise.withResolvers<void>()
    const wake = () => look.resolve()
    const timer = setInterval(wake, lookAgainMs)
    subscriptions.defer(() => clearInterval(timer))
    signal.addEventListener('abort', wake)
    let shown = c.req.header('last-event-id')
    while (!signal.aborted) {
      look = Promise.withResolvers<void>()
      const view = await render()
      const fresh = view.topics.filter(topic => !heard.has(topic))
      for (const topic of fresh) {
        heard.add(topic)
        subscriptions.defer(parts.bell.on(topic, wake))
      }
      if (fresh.length > 0) continue
      const data = String(await view.html)
      const id = createHash('sha256').update(data).digest('base64url').slice(0, 16)
      if (id !== shown) await send({ id, data })
      shown = id
      await look.promise
      await setTimeout(gatherMs, undefined, { signal }).catch(() => {})
    }
  })
