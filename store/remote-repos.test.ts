import { engine, skipOf } from '../test/engines.ts'
import { openOwned } from '../test/owner.ts'
import { reposContract } from './repos.contract.ts'

const skip = skipOf(await engine('git'))

reposContract('the door of their owner', openOwned, skip)
