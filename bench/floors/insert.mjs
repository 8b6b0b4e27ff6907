import { createServer } from 'node:http'
import { DatabaseSync } from 'node:sqlite'

const database = new DatabaseSync(process.env.DATABASE)
database.exec(
  'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE inbox (id INTEGER PRIMARY KEY, body TEXT)',
)
const insert = database.prepare('INSERT INTO inbox (body) VALUES (?)')

const server = createServer(async (request, response) => {
  const parts = []
  for await (const part of request) parts.push(part)
  if (request.method === 'POST') insert.run(Buffer.concat(parts).toString())
  response.end()
})
server.listen(0, '127.0.0.1', () => console.log(`It is at http://127.0.0.1:${server.address().port}`))
