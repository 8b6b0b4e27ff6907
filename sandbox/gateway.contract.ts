import { admissionContract } from './gateway/admission.contract.ts'
import { filesContract } from './gateway/files.contract.ts'
import { gitContract } from './gateway/git.contract.ts'
import { modelContract } from './gateway/model.contract.ts'
import type { OpenGateway } from './gateway/trial.contract.ts'

/** What every gateway promises, held at its sockets as a box sees them. */
export const gatewayContract = (openGateway: OpenGateway): void => {
  admissionContract(openGateway)
  modelContract(openGateway)
  gitContract(openGateway)
  filesContract(openGateway)
}
