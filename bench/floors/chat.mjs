import { serve } from '@hono/node-server'
import bolt from '@slack/bolt'
import { Queue, Worker } from 'bullmq'
import { Client, GatewayIntentBits } from 'discord.js'
import { Hono } from 'hono'
import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'

const { env } = process
const mongo = await new MongoClient(env.MONGODB_URL).connect()
await mongo.db().command({ ping: 1 })

const open = () => new Redis(env.REDIS_URL, { maxRetriesPerRequest: null })
const queue = new Queue('bare', { connection: open() })
const worker = new Worker('bare', async () => {}, { connection: open() })
await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()])

const slack = new bolt.App({
  token: env.SLACK_BOT_TOKEN,
  appToken: env.SLACK_APP_TOKEN,
  socketMode: true,
  clientOptions: { slackApiUrl: env.SLACK_API_URL },
  installerOptions: { clientOptions: { slackApiUrl: env.SLACK_API_URL } },
  logLevel: bolt.LogLevel.ERROR,
})
await slack.start()

const { Guilds, GuildMessages, DirectMessages, MessageContent } = GatewayIntentBits
const intents = [Guilds, GuildMessages, DirectMessages, MessageContent]
const discord = new Client({ intents, rest: { api: env.DISCORD_API_URL } })
await discord.login(env.DISCORD_TOKEN)

const app = new Hono()
app.get('/readyz', context => context.text('ready'))
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  console.log(`It is at http://127.0.0.1:${port}`),
)
