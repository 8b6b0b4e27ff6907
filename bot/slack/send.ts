import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { webApi } from '@slack/bolt'
import type { Message } from '../../store/records.ts'
import type { Platform, Posted } from '../platform.ts'
import { Undeliverable } from '../platform.ts'
import { blocksOf } from './blocks.ts'
import { asked } from './refusal.ts'

/**
 * Posting and editing in Slack. A message with a file is the upload, whose id is the file's, with its text as the comment;
 * Slack edits neither that nor what only one person sees.
 */
export const openSend = ({
  client,
  uploads,
  readFile,
}: {
  readonly client: webApi.WebClient
  /** The same, with more time for each call. */
  readonly uploads: webApi.WebClient
  readonly readFile: (id: string) => Promise<Readable | undefined>
}): Pick<Platform, 'post' | 'edit'> => {
  const upload = async (
    address: string,
    text: string,
    { id, name }: NonNullable<Message['file']>,
  ): Promise<Posted> => {
    const { channel, thread } = placeOf(address)
    const stored = await readFile(id)
    if (!stored) throw new Undeliverable(`The file ${name} is not stored any more.`)
    const what = {
      file: await buffer(stored),
      filename: name,
      title: name,
      ...(text && { initial_comment: blocksOf({ text }).text }),
    }
    const { files } = await asked(() =>
      uploads.filesUploadV2(
        thread ? { ...what, channel_id: channel, thread_ts: thread } : { ...what, channel_id: channel },
      ),
    )
    return { messageId: files[0]?.files?.[0]?.id ?? name, address }
  }

  return {
    post: async (address, message) => {
      if (message.file) return await upload(address, message.text, message.file)
      const { channel, thread } = placeOf(address)
      const body = {
        channel,
        ...(thread && { thread_ts: thread }),
        ...blocksOf(message),
        unfurl_links: false,
        unfurl_media: false,
      }
      if (message.onlyFor) {
        const user = message.onlyFor.split(':').at(-1) ?? ''
        const { message_ts } = await asked(() => client.chat.postEphemeral({ ...body, user }))
        return { messageId: message_ts ?? '', address }
      }
      const { ts = '' } = await asked(() => client.chat.postMessage(body))
      return { messageId: ts, address: thread ? address : `${address}:${ts}` }
    },
    edit: async (address, messageId, message) => {
      if (message.file || message.onlyFor)
        throw new Undeliverable('Slack edits neither files nor what only one person sees.')
      const { channel } = placeOf(address)
      await asked(() => client.chat.update({ channel, ts: messageId, ...blocksOf(message) }))
    },
  }
}

/** `slack:T1:C2:171.3` taken apart; without the last part it is the channel itself. */
const placeOf = (address: string): { readonly channel: string; readonly thread: string | undefined } => {
  const [, , channel = '', thread] = address.split(':')
  return { channel, thread }
}
