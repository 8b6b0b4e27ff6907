import { openBullmq } from '../runner/bullmq.ts'

/**
 * A process that works off a queue for a test: says `took <job>` for each ticket, and never gets done with it. Its arguments
 * are the URL of Redis and the prefix.
 */
const [url = '', prefix = ''] = process.argv.slice(2)
await using queue = await openBullmq({ url, prefix, now: () => new Date() })
const { promise: never } = Promise.withResolvers<void>()
await queue.work(
  async job => {
    console.log(`took ${job}`)
    await never
  },
  { concurrency: 2, signal: AbortSignal.any([]) },
)
