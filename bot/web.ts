import { z } from 'zod'
import type { Incoming, Platform } from './platform.ts'
import { Undeliverable } from './platform.ts'

/** What the page stores in the inbox for each message or press. */
const envelope = z.object({
  user: z.string(),
  name: z.string(),
  conversation: z.string(),
  text: z.string().default(''),
  files: z.array(z.string()).default([]),
  press: z.object({ verb: z.enum(['cancel', 'retry']), job: z.string() }).optional(),
})

/**
 * The browser chat. The page reads what the outbox holds, so posting and editing are done as soon as they are asked for;
 * who logged in is a user already.
 */
export const openWebChat = ({
  incoming,
}: {
  readonly incoming: (incoming: Incoming) => Promise<void>
}): Platform => ({
  name: 'web',
  limits: { text: 100_000, postEveryMs: 0, editsPerMinute: Number.POSITIVE_INFINITY },
  post: async address => ({ messageId: address, address }),
  edit: async () => {},
  laneOf: ({ body }) => envelope.safeParse(body).data?.conversation ?? '',
  receive: async ({ _id: key, receivedAt: at, body }) => {
    const read = envelope.safeParse(body)
    if (!read.success)
      throw new Undeliverable('The stored envelope is none of the page.', { cause: read.error })
    const { user, name, conversation, text, files, press } = read.data
    const address = `web:${conversation}`
    const arrived = {
      platform: 'web',
      key,
      at,
      team: 'web',
      channel: address,
      person: `web:${user}`,
      personName: name,
      address,
    }
    if (press) return await incoming({ ...arrived, type: 'pressed', ...press })
    const typed = /^\s*\/hop(?:\s+|$)/i.exec(text)
    await incoming({
      ...arrived,
      type: 'said',
      how: typed ? 'command' : 'direct',
      text: typed ? text.slice(typed[0].length) : text,
      files,
    })
  },
  [Symbol.asyncDispose]: async () => {},
})
