import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Bell } from './bell.ts'
import { openLocalBell } from './local-bell.ts'
import { openRedis, ping, sever, tellRarely, within } from './redis-client.ts'

/** Before its end, a bell gives the rings on their way this long. */
const farewellMs = 1000
const channelOf = (topic: string) => `bellhop:bell:${topic}`
const topicOf = (channel: string) => channel.slice(channelOf('').length)

export interface RedisBell extends Bell {
  /** Rejects within 2 s when Redis does not answer. */
  ping(): Promise<void>
}

/**
 * A bell that any number of processes ring and hear, over a channel per topic: a process hears of the topics alone that
 * somebody in it listens to. Its own rings it hears without Redis. While Redis is away they are kept, a topic once, and
 * sent when it is back; then every listener is called, because rings of others may have been lost. Opens without Redis too.
 */
export const openRedisBell = async ({
  url,
  log,
}: {
  readonly url: string
  readonly log?: Pick<Logger, 'warn'>
}): Promise<RedisBell> => {
  const own = randomUUID()
  const troubled = tellRarely(log, 'The bell does not reach Redis: what other processes ring is heard late.')
  const [speaker, hearer] = await Promise.all([openRedis({ url, troubled }), openRedis({ url, troubled })])
  const local = openLocalBell()
  const listeners = new Map<string, number>()
  /** Topics to send, and those whose ring is on its way: one more of these waits for that, however many there are. */
  const due = new Set<string>()
  const onTheWay = new Set<string>()
  let scheduled = false
  let closed = false

  hearer.on('message', (channel: string, from: string) => {
    if (from !== own) local.ring(topicOf(channel))
  })
  hearer.on('ready', hearAll)
  speaker.on('ready', send)

  function send(): void {
    scheduled = false
    if (speaker.status !== 'ready') return
    for (const topic of due) {
      if (onTheWay.has(topic)) continue
      due.delete(topic)
      onTheWay.add(topic)
      void sendOne(topic)
    }
  }

  async function sendOne(topic: string): Promise<void> {
    try {
      await speaker.publish(channelOf(topic), own)
      onTheWay.delete(topic)
      if (due.has(topic)) send()
    } catch (error) {
      onTheWay.delete(topic)
      due.add(topic)
      troubled(error as Error)
    }
  }

  async function hearAll(): Promise<void> {
    const topics = [...listeners.keys()]
    if (topics.length === 0) return
    await hearer.subscribe(...topics.map(channelOf)).catch(troubled)
    for (const topic of topics) local.ring(topic)
  }

  function listen(topic: string): void {
    const count = listeners.get(topic) ?? 0
    listeners.set(topic, count + 1)
    if (count === 0 && hearer.status === 'ready') hearer.subscribe(channelOf(topic)).catch(troubled)
  }

  function leave(topic: string): void {
    const count = listeners.get(topic) ?? 0
    if (count > 1) return void listeners.set(topic, count - 1)
    listeners.delete(topic)
    if (hearer.status === 'ready') hearer.unsubscribe(channelOf(topic)).catch(troubled)
  }

  return {
    ring: topic => {
      if (closed) return
      local.ring(topic)
      due.add(topic)
      if (!scheduled) setImmediate(send)
      scheduled = true
    },
    on: (topic, listener) => {
      const off = local.on(topic, listener)
      let on = true
      listen(topic)
      return () => {
        if (!on) return
        on = false
        off()
        leave(topic)
      }
    },
    ping: () => ping(speaker),
    [Symbol.asyncDispose]: async () => {
      closed = true
      await local[Symbol.asyncDispose]()
      send()
      const farewells = [speaker, hearer].map(client => client.status === 'ready' && client.quit())
      await within(farewellMs, Promise.all(farewells)).catch(() => {})
      for (const client of [speaker, hearer]) sever(client)
    },
  }
}
