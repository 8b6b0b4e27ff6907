import type { Inbox, Message } from '../store/records.ts'

/**
 * A chat service. Messages go out by `post` and `edit`, one at a time and paced by the outbox; envelopes come in from
 * the inbox by `receive`. An engine keeps no state of a conversation: any process may get the next message.
 */
export interface Platform extends AsyncDisposable {
  readonly name: string
  readonly limits: Limits
  /**
   * Posts under an address (`slack:T1:C2:171.3`, or a channel's to open a thread); gives the message's id and the address
   * under which replies to it come. `posting` names it: repeated under that, it is the same message where the platform can
   * tell. The outbox's are `<conversation>/<slot>/<part>`.
   */
  post(address: string, message: Message, posting?: string): Promise<Posted>
  edit(address: string, messageId: string, message: Message): Promise<void>
  /** Handles one stored envelope. When it resolves, the envelope is done; when it throws, it is tried again. */
  receive(envelope: Inbox): Promise<void>
  /** What must be handled in order of arrival has the same lane; envelopes of different lanes may be in hand at once. */
  laneOf?(envelope: Inbox): string
  /** Keeps the way in open, with what comes stored in the inbox, until the signal aborts and it is closed. Trouble with it is its own to mend. */
  listen?(signal: AbortSignal): Promise<void>
  /** Every bot listens; else only the one that holds the office, as where a token has one connection. */
  readonly everywhere?: true
  /** Whether the way in is open now. */
  isListening?(): boolean
}

export interface Posted {
  readonly messageId: string
  readonly address: string
}

export interface Limits {
  /** Characters in one message. */
  readonly text: number
  /** Milliseconds between two posts in one channel. */
  readonly postEveryMs: number
  /** Edits a minute in one team. */
  readonly editsPerMinute: number
}

/** The platform asks for a pause in this channel (or, without one, everywhere in the team). */
export class Limited extends Error {
  override name = 'Limited'
  readonly retryAfterMs: number
  constructor(retryAfterMs: number) {
    super(`The platform asks to wait ${retryAfterMs} ms.`)
    this.retryAfterMs = retryAfterMs
  }
}

/** The platform will never take this: the channel is gone, the bot was removed, the message cannot be edited. */
export class Undeliverable extends Error {
  override name = 'Undeliverable'
}

/** What somebody said or pressed, the same for every platform. */
export type Incoming = Said | Pressed

interface Arrived {
  readonly platform: string
  /** The envelope's key. */
  readonly key: string
  /** When the envelope was stored, ISO. */
  readonly at: string
  readonly team: string
  /** `slack:T1:C2` */
  readonly channel: string
  /** `slack:T1:U2` */
  readonly person: string
  readonly personName?: string
}

export interface Said extends Arrived {
  readonly type: 'said'
  /** A command, a mention of the bot, a plain reply in a thread, or a direct message. */
  readonly how: 'command' | 'mention' | 'reply' | 'direct'
  /** The thread it stands in, or would open: `slack:T1:C2:171.3`. A command has none but in the browser chat. */
  readonly address?: string
  /** Nobody but this person and the bot reads here: set for a command in a direct message, known of `direct` anyway. */
  readonly direct?: true
  /** The thread hangs below a message of the bot's own. */
  readonly underBot?: true
  /** Without the command's name or the mention. */
  readonly text: string
  readonly files: readonly string[]
}

export interface Pressed extends Arrived {
  readonly type: 'pressed'
  readonly verb: 'cancel' | 'retry'
  readonly job: string
  readonly address?: string
}
