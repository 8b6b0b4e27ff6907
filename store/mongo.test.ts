import { after } from 'node:test'
import { engine, skipOf } from '../test/engines.ts'
import { openTestMongo } from '../test/mongo.ts'
import { openMongo } from './mongo.ts'
import { storeContract } from './store.contract.ts'

const skip = skipOf(await engine('mongo-java-server'))
if (!skip) {
  const mongo = await openTestMongo()
  after(() => mongo[Symbol.asyncDispose]())
  storeContract('MongoDB', () => openMongo({ url: mongo.fresh() }))
}
