import { after } from 'node:test'
import { engine, skipOf } from '../test/engines.ts'
import { openTestMongo } from '../test/mongo.ts'
import { filesContract } from './files.contract.ts'
import { openGrid } from './grid.ts'

const skip = skipOf(await engine('mongo-java-server'))
if (!skip) {
  const mongo = await openTestMongo()
  const opened: AsyncDisposable[] = []
  after(async () => {
    for (const one of opened) await one[Symbol.asyncDispose]()
    await mongo[Symbol.asyncDispose]()
  })
  filesContract('GridFS', async () => {
    const files = await openGrid({ url: mongo.fresh() })
    opened.push(files)
    return files
  })
}
