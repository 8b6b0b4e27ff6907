import { Worker } from 'bullmq'
import { Redis } from 'ioredis'

const [url, count] = process.argv.slice(2)
const connection = new Redis(url, { maxRetriesPerRequest: null })
let left = Number(count)
const worker = new Worker('raw', async () => {}, {
  connection,
  concurrency: 32,
  removeOnComplete: { count: 0 },
})
worker.on('completed', () => {
  if (--left === 0) console.log('done')
})
await worker.waitUntilReady()
console.log('ready')
process.stdin.resume()
process.stdin.on('end', () => process.exit())
