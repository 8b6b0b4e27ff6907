import { openEmbedded } from './embedded.ts'
import { queueContract } from './queue.contract.ts'

queueContract('embedded', () => openEmbedded({ now: () => new Date() }))
