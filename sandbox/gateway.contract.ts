import { describe } from 'node:test'
import { ranOn } from '../test/contract.ts'
import { admissionContract } from './gateway/admission.contract.ts'
import { filesContract } from './gateway/files.contract.ts'
import { gitContract } from './gateway/git.contract.ts'
import { modelContract } from './gateway/model.contract.ts'
import { restartContract } from './gateway/restart.contract.ts'
import type { OpenGateway } from './gateway/trial.contract.ts'

/** What every gateway promises, held at its sockets as a box sees them. */
export const gatewayContract = (engine: string, openGateway: OpenGateway): void => {
  describe(`the ${engine} gateway`, () => {
    ranOn('gateway', engine)
    admissionContract(openGateway)
    restartContract(openGateway)
    modelContract(openGateway)
    gitContract(openGateway)
    filesContract(openGateway)
  })
}
