import type { Doors, Gateway, ModelAccess } from './gateway.ts'

/**
 * Opens gateways below `folder`: in this process, or, with `apart`, as the way to the process of this host that serves that
 * folder. Only the one that is used is loaded.
 */
export const openGateways = async ({
  folder,
  apart,
  model,
  failed,
}: {
  readonly folder: string
  readonly apart: boolean
  readonly model?: ModelAccess
  /** Hears of what failed in the gateway itself while it served a box. */
  readonly failed: (error: unknown) => void
}): Promise<(doors: Doors) => Gateway> => {
  if (apart) {
    const { openRemoteGateway } = await import('./remote-gateway.ts')
    return () => openRemoteGateway({ folder })
  }
  const { openGateway } = await import('./local-gateway.ts')
  return doors => openGateway({ folder, doors, failed, ...(model && { model }) })
}
