/**
 * Runs all of these until the signal aborts; when one fails, the others are told to end. Resolves once every one of them
 * has ended, and rejects with the first failure.
 */
export const together = async (
  signal: AbortSignal,
  runs: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> => {
  const failed = new AbortController()
  const ending = AbortSignal.any([signal, failed.signal])
  const running = runs.map(run => run(ending))
  try {
    await Promise.all(running)
  } finally {
    failed.abort()
    await Promise.allSettled(running)
  }
}
