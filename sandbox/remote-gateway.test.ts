import type { OpenGateway } from './gateway/trial.contract.ts'
import { gatewayContract } from './gateway.contract.ts'
import { serveGateway } from './gateway-door.ts'
import { openGateway } from './local-gateway.ts'
import { openRemoteGateway } from './remote-gateway.ts'

/** A gateway behind its socket: the runner's side, with the other side in this process too. */
const openServed: OpenGateway = parts => {
  const served = serveGateway({ folder: parts.folder, gateway: () => openGateway(parts), failed: () => {} })
  const remote = openRemoteGateway({ folder: parts.folder })
  return {
    ...remote,
    [Symbol.asyncDispose]: async () => {
      await remote[Symbol.asyncDispose]()
      await (await served)[Symbol.asyncDispose]()
    },
  }
}

gatewayContract('remote', openServed)
