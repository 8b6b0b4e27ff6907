/** A refusal of Discord's API: its status, its own code and its words. */
export class DiscordRefusal extends Error {
  override name = 'DiscordRefusal'
  readonly status: number
  readonly code: number
  constructor(status: number, code: number, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export const refusals = {
  channel: () => new DiscordRefusal(404, 10003, 'Unknown Channel'),
  message: () => new DiscordRefusal(404, 10008, 'Unknown Message'),
  webhook: () => new DiscordRefusal(404, 10015, 'Unknown Webhook'),
  interaction: () => new DiscordRefusal(404, 10062, 'Unknown interaction'),
  tooLarge: () => new DiscordRefusal(413, 40005, 'Request entity too large'),
  acknowledged: () => new DiscordRefusal(400, 40060, 'Interaction has already been acknowledged.'),
  access: () => new DiscordRefusal(403, 50001, 'Missing Access'),
  another: () => new DiscordRefusal(403, 50005, 'Cannot edit a message authored by another user'),
  closedDirect: () => new DiscordRefusal(403, 50007, 'Cannot send messages to this user'),
  permission: () => new DiscordRefusal(403, 50013, 'Missing Permissions'),
  token: () => new DiscordRefusal(401, 50027, 'Invalid Webhook Token'),
  form: (what: string) => new DiscordRefusal(400, 50035, `Invalid Form Body: ${what}`),
  archived: () => new DiscordRefusal(400, 50083, 'Thread is archived'),
  threadThere: () => new DiscordRefusal(400, 160004, 'A thread has already been created for this message'),
}

export interface DiscordUser {
  readonly id: string
  readonly username: string
  readonly global_name: string | null
  readonly bot?: true
}

export interface DiscordFile {
  readonly id: string
  readonly filename: string
  readonly size: number
  readonly url: string
  readonly content_type?: string
}

interface DiscordButton {
  readonly type: number
  readonly style: number
  readonly label?: string
  readonly custom_id?: string
  readonly url?: string
}

export interface DiscordMessage {
  readonly id: string
  readonly type: number
  readonly channel_id: string
  readonly author: DiscordUser
  readonly timestamp: string
  content: string
  edited_timestamp: string | null
  components: readonly { readonly type: number; readonly components: readonly DiscordButton[] }[]
  readonly attachments: readonly DiscordFile[]
  readonly mentions: readonly DiscordUser[]
  readonly flags: number
  readonly nonce?: string
}

export interface DiscordChannel {
  readonly id: string
  /** 0 a guild's text, 1 a direct message, 2 voice, 11 a public thread. */
  readonly type: number
  readonly guild_id?: string
  readonly name?: string
  readonly parent_id?: string
  readonly owner_id?: string
  readonly recipients?: readonly DiscordUser[]
  readonly thread_metadata?: { archived: boolean; locked: boolean; readonly auto_archive_duration: number }
  last_message_id: string | null
}

/** What a message may bring: as Discord's `POST /channels/:id/messages` takes it. */
export interface MessageBody {
  readonly content?: string
  readonly components?: DiscordMessage['components']
  readonly nonce?: string
  readonly enforce_nonce?: boolean
  readonly flags?: number
}
