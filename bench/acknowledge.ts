import { join } from 'node:path'
import { Pool } from 'undici'
import { openTestSlack } from '../test/slack.ts'
import { eventBody } from '../test/slack-bodies.ts'
import { signed } from '../test/slack-sender.ts'
import type { Figure } from './figure.ts'
import { median, quantile, short } from './figure.ts'
import { programs, scratch, startServer } from './server.ts'

const clients = 100
const warming = 10
const each = 50

/**
 * How long Slack waits for its 200: as many clients as there are threads, each sending its next signed message once the
 * last was acknowledged, to the whole program, whose bot works off the inbox meanwhile.
 */
export const acknowledge = async (): Promise<readonly Figure[]> => {
  await using folder = await scratch()
  await using slack = await openTestSlack()
  const body = (thread: number, number: number): string => {
    const at = `${1_700_000_000 + number}.${String(thread).padStart(6, '0')}`
    const event = {
      ...{ type: 'message', user: slack.people.ada, team: slack.team, channel_type: 'channel' },
      ...{ channel: slack.channels[thread % slack.channels.length], thread_ts: `1600000000.${thread}` },
      ...{ text: `Thread ${thread}, message ${number}.`, ts: at, event_ts: at },
    }
    return JSON.stringify(eventBody(slack.team, event, `Ev${thread}x${number}`))
  }

  const values = await measure(body, slack.signingSecret, programs.bellhop, {
    BELLHOP_DATA: join(folder.path, 'data'),
    SLACK_API_URL: slack.apiUrl,
    SLACK_BOT_TOKEN: slack.token,
    SLACK_SIGNING_SECRET: slack.signingSecret,
  })
  const floors = await measure(body, slack.signingSecret, programs.insert, {
    DATABASE: join(folder.path, 'bare.db'),
  })
  const notes = `p99 of ${clients} closed-loop clients, a thread each; p50 ${short(median(values))} beside ${short(median(floors))}; floor: bare node:http with one committed node:sqlite insert a request, no signature checked`
  const [value, floor] = [quantile(values, 0.99), quantile(floors, 0.99)]
  return [{ figure: 'acknowledge', value, unit: 'ms', floor, n: values.length, notes }]
}

const measure = async (
  body: (thread: number, number: number) => string,
  secret: string,
  program: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<readonly number[]> => {
  await using server = await startServer(program, env)
  await using pool = poolOf(server.url)
  const times: number[] = []
  const client = async (thread: number): Promise<void> => {
    for (let number = 0; number < warming + each; number++) {
      const text = body(thread, number)
      const headers = { 'content-type': 'application/json', ...signed(secret, text) }
      const begun = performance.now()
      const answer = await pool.request({ path: '/slack/events', method: 'POST', headers, body: text })
      await answer.body.dump()
      if (answer.statusCode !== 200) throw new Error(`An envelope was answered ${answer.statusCode}.`)
      if (number >= warming) times.push(performance.now() - begun)
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, thread) => client(thread)))
  return times
}

const poolOf = (url: string) => {
  const pool = new Pool(url, { connections: clients })
  const request = pool.request.bind(pool)
  return { request, [Symbol.asyncDispose]: () => pool.close() }
}
