import { DatabaseSync } from 'node:sqlite'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

const database = new DatabaseSync(process.env.DATABASE)
database.exec('PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS things (id TEXT PRIMARY KEY)')
const count = database.prepare('SELECT count(*) AS things FROM things')

const app = new Hono()
app.get('/readyz', context => context.json(count.get()))
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  console.log(`It is at http://127.0.0.1:${port}`),
)
