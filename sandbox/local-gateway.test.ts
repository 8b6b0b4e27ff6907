import { gatewayContract } from './gateway.contract.ts'
import { openGateway } from './local-gateway.ts'

gatewayContract(openGateway)
