import type { Conversation } from '../store/records.ts'

/** Where something is shown and people wait for it. */
export type Thread = Required<Pick<Conversation, 'platform' | 'team' | 'channel' | 'address'>>

/** The thread of a conversation; `undefined` while no post has opened it. */
export const threadOf = ({ platform, team, channel, address }: Conversation): Thread | undefined =>
  address === undefined ? undefined : { platform, team, channel, address }
