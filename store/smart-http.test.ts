import { engine, skipOf } from '../test/engines.ts'
import { openFolder, openOwned } from '../test/owner.ts'
import { smartHttpContract } from './smart-http.contract.ts'

const skip = skipOf(await engine('git'))

smartHttpContract('a folder', openFolder, skip)
smartHttpContract('the door of their owner', openOwned, skip)
