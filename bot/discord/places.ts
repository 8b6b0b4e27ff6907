import type { REST } from 'discord.js'
import { ChannelType, Routes } from 'discord.js'
import { asked, codeOf } from './refusal.ts'

/**
 * What a channel is: a `thread` below its parent, somebody's `direct` messages, a `channel` in which threads can be
 * started, or a `flat` one in which they cannot, as the text of a voice channel.
 */
export interface Place {
  readonly kind: 'thread' | 'direct' | 'channel' | 'flat'
  readonly parent?: string
  /** Who started the thread. */
  readonly owner?: string
}

/** The parts of Discord's channels that are read. */
export interface ChannelData {
  readonly type: ChannelType
  readonly parent_id?: string | null | undefined
  readonly owner_id?: string | null | undefined
}

/** What channels are, asked of Discord once for each; `undefined` for one that is not there. */
export interface Places {
  of(channel: string): Promise<Place | undefined>
  /** Notes what is known without asking. */
  note(channel: string, data: ChannelData): Place
}

const mostPlaces = 10_000

export const openPlaces = (rest: REST): Places => {
  const places = new Map<string, Place>()
  const note = (channel: string, data: ChannelData): Place => {
    if (places.size >= mostPlaces) places.clear()
    const place = placeOf(data)
    places.set(channel, place)
    return place
  }
  return {
    note,
    of: async channel => {
      const known = places.get(channel)
      if (known) return known
      try {
        return note(channel, await asked<ChannelData>(() => rest.get(Routes.channel(channel))))
      } catch (error) {
        if (codeOf(error) === 10003) return undefined
        throw error
      }
    },
  }
}

/** What a channel is, by Discord's description of it. */
export const placeOf = ({ type, parent_id: parent, owner_id: owner }: ChannelData): Place => {
  switch (type) {
    case ChannelType.PublicThread:
    case ChannelType.PrivateThread:
    case ChannelType.AnnouncementThread:
      return { kind: 'thread', ...(parent && { parent }), ...(owner && { owner }) }
    case ChannelType.DM:
    case ChannelType.GroupDM:
      return { kind: 'direct' }
    case ChannelType.GuildText:
    case ChannelType.GuildAnnouncement:
      return { kind: 'channel' }
    default:
      return { kind: 'flat' }
  }
}
