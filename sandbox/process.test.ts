import { openProcess } from './process.ts'
import { sandboxContract } from './sandbox.contract.ts'

sandboxContract({
  engine: 'process',
  module: import.meta.resolve('./process.ts'),
  opener: 'openProcess',
  openSandbox: openProcess,
  skip: false,
})
