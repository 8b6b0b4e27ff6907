import type { Bell } from './bell.ts'

/** The bell of a single process. Rings of one topic in one turn of the loop are heard once. */
export const openLocalBell = (): Bell => {
  const listeners = new Map<string, Set<() => void>>()
  const rung = new Set<string>()
  const call = () => {
    const topics = [...rung]
    rung.clear()
    for (const topic of topics) {
      const set = listeners.get(topic)
      for (const listener of [...(set ?? [])]) if (set?.has(listener)) listener()
    }
  }
  return {
    ring: topic => {
      if (!listeners.has(topic)) return
      if (rung.size === 0) setImmediate(call)
      rung.add(topic)
    },
    on: (topic, listener) => {
      const own = () => listener()
      const set = listeners.get(topic) ?? new Set()
      listeners.set(topic, set.add(own))
      return () => {
        set.delete(own)
        if (set.size === 0 && listeners.get(topic) === set) listeners.delete(topic)
      }
    },
    [Symbol.asyncDispose]: async () => {
      listeners.clear()
      rung.clear()
    },
  }
}
