import { Hono } from 'hono'
import { readSlack, verifySlack } from '../store/slack-envelope.ts'
import { commandNotTaken, takeSlack, tellPresser } from '../store/slack-take.ts'
import { limitBody } from './body.ts'
import { Problem } from './problem.ts'
import type { WebParts } from './web.ts'

/**
 * Where Slack's HTTP envelopes come in: verified, stored, and only then acknowledged; the bot takes them from the inbox.
 * What Slack wants in the reply itself is answered here.
 */
export const slackEvents = ({ store, bell, now, log }: WebParts, signingSecret: string) =>
  new Hono().post('/', limitBody, async c => {
    const raw = Buffer.from(await c.req.arrayBuffer())
    const timestamp = c.req.header('x-slack-request-timestamp')
    const signature = c.req.header('x-slack-signature')
    if (!verifySlack({ signingSecret, timestamp, signature, rawBody: raw, now }))
      throw new Problem({
        status: 401,
        detail:
          'The signature does not fit this body and our signing secret, or its time is more than five minutes off.',
      })
    const request = readSlack(raw.toString(), c.req.header('content-type'))
    switch (request.kind) {
      case 'challenge':
        return c.json({ challenge: request.challenge })
      case 'ssl_check':
        return c.body(null, 200)
      case 'junk':
        throw new Problem({ status: 400, detail: request.why })
      case 'envelope': {
        const { body } = request
        const retryNum = Number(c.req.header('x-slack-retry-num') ?? 0)
        const taken = await takeSlack({
          store,
          bell,
          key: request.key,
          body,
          retryNum,
          at: now().toISOString(),
        })
        if (taken.how === 'stored') return c.body(null, 200)
        log.error({ err: taken.error }, `an envelope of Slack could not be stored: ${taken.how}`)
        if (taken.how === 'tell' && body.command) return c.json(commandNotTaken)
        if (taken.how === 'tell' && (await tellPresser(body, taken.leftMs))) return c.body(null, 200)
        // An event comes again; beside a button, Slack shows a warning.
        throw new Problem({ status: 503, detail: 'The envelope could not be stored; send it again.' })
      }
      default:
        request satisfies never
        return c.body(null, 200)
    }
  })
