import { Hono } from 'hono'
import { receive } from '../store/inbox.ts'
import { readSlack, verifySlack } from '../store/slack-envelope.ts'
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
        const retryNum = c.req.header('x-slack-retry-num')
        const body = { body: request.body, ...(retryNum && { retryNum: Number(retryNum) }) }
        try {
          await receive(store, bell, { key: request.key, platform: 'slack', at: now().toISOString(), body })
        } catch (error) {
          log.error(
            { err: error },
            'an envelope of Slack could not be stored; it is not acknowledged and comes again',
          )
          throw new Problem({ status: 503, detail: 'The envelope could not be stored; send it again.' })
        }
        return c.body(null, 200)
      }
      default:
        request satisfies never
        return c.body(null, 200)
    }
  })
