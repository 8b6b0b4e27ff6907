import type { Bell } from '../../store/bell.ts'
import { receiveInTime } from '../../store/in-time.ts'
import type { Store } from '../../store/store.ts'
import type { Stored } from './envelope.ts'
import { timeOf } from './snowflake.ts'

/**
 * Stores an envelope of Discord's and rings `inbox`; its time is the one in its id, so that a repeat is the same to the
 * letter. Rejects as `receiveInTime` does; with `once`, so that what is kept too late is not handled.
 */
export const keep = async (
  { store, bell }: { readonly store: Store; readonly bell: Bell },
  { key, id, body }: { readonly key: string; readonly id: string; readonly body: Stored },
  { once }: { readonly once: boolean },
): Promise<void> => receiveInTime(store, bell, { key, platform: 'discord', at: timeOf(id), body, once })
