import { Worker } from 'bullmq'
import { Redis } from 'ioredis'

const [url, ...counts] = process.argv.slice(2)
const connection = new Redis(url, { maxRetriesPerRequest: null })
const left = counts.map(Number)
const worker = new Worker('raw', async () => {}, {
  connection,
  concurrency: 32,
  removeOnComplete: { count: 0 },
})
worker.on('completed', () => {
  left[0]--
  if (left[0] > 0) return
  left.shift()
  console.log('done')
})
await worker.waitUntilReady()
console.log('ready')
process.stdin.resume()
process.stdin.on('end', () => process.exit())
