/** Runs what concerns one name one after the other, and what concerns others beside it. */
export interface Turns {
  take<T>(name: string, act: () => Promise<T>): Promise<T>
  /** Resolves when all that was begun is over, however it ended. */
  all(): Promise<void>
}

export const openTurns = (): Turns => {
  const last = new Map<string, Promise<unknown>>()

  const take = <T>(name: string, act: () => Promise<T>): Promise<T> => {
    const mine = (last.get(name) ?? Promise.resolve()).then(act)
    const over = mine
      .catch(() => {})
      .finally(() => {
        if (last.get(name) === over) last.delete(name)
      })
    last.set(name, over)
    return mine
  }
  return {
    take,
    all: async () => void (await Promise.all(last.values())),
  }
}
