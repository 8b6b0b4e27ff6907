/** The keys of Discord's envelopes. Ids of one length sort by time, and so do the keys of a channel and of all interactions. */
export const messageKey = (app: string, channel: string, id: string): string =>
  `discord:${app}:${channel}:${id}`

export const interactionKey = (app: string, id: string): string => messageKey(app, 'interaction', id)

/** `discord:G1:C2` for a channel or thread of a guild, `discord:@me:D5` for direct messages. */
export const addressOf = (guild: string | undefined, channel: string): string =>
  `discord:${guild ?? '@me'}:${channel}`

/** The channel or thread of an address. */
export const channelOf = (address: string): string => address.split(':').at(-1) ?? ''

/** The guild of an address; none for direct messages. */
export const guildOf = (address: string): string | undefined => {
  const [, guild] = address.split(':')
  return guild === '@me' ? undefined : guild
}
