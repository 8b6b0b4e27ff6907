import { basename, dirname } from 'node:path'
import { engine, skipOf } from '../test/engines.ts'
import { openDocker } from './docker.ts'
import { sandboxContract } from './sandbox.contract.ts'

const skip = skipOf(await engine('docker'))

/** Each trial is an installation of its own, named by its folder. */
export const openTrialDocker = ({ folder }: { readonly folder: string }) =>
  openDocker({ image: 'bellhop-box', installation: basename(dirname(folder)) })

sandboxContract({
  engine: 'docker',
  module: import.meta.resolve('./docker.test.ts'),
  opener: 'openTrialDocker',
  openSandbox: openTrialDocker,
  skip,
})
