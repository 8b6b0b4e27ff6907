import { webApi } from '@slack/bolt'
import { Limited, Undeliverable } from '../platform.ts'

/** What Slack answers when the same call would be refused for ever. */
const final = new Set([
  'cannot_reply_to_message',
  'cant_update_message',
  'channel_is_archived',
  'channel_not_found',
  'edit_window_closed',
  'invalid_blocks',
  'is_archived',
  'message_not_found',
  'messages_tab_disabled',
  'msg_blocks_too_long',
  'msg_too_long',
  'not_in_channel',
  'restricted_action',
  'thread_not_found',
  'user_not_found',
  'user_not_in_channel',
])

/** Makes a call to Slack. Throws `Limited` or `Undeliverable` where Slack said so, everything else as it came. */
export const asked = async <T>(call: () => Promise<T>): Promise<T> => {
  try {
    return await call()
  } catch (error) {
    if (error instanceof webApi.WebAPIRateLimitedError) throw new Limited(error.retryAfter * 1000)
    if (error instanceof webApi.WebAPIPlatformError && final.has(error.data.error))
      throw new Undeliverable(`Slack refuses the message: ${error.data.error}.`, { cause: error })
    throw error
  }
}
