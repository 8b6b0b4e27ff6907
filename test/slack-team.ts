import { createEmulator } from 'emulate'

export type Person = 'ada' | 'bob'

/** The app as Slack knows it, and the secrets it was given. */
export const app = {
  id: 'A0BELLHOP',
  user: 'U0BELLHOP',
  botId: 'B0BELLHOP',
  token: 'xoxb-bellhop-test',
  signingSecret: 'a-signing-secret-for-tests',
}
export const tokenOf = (person: Person): string => `xoxp-${person}-test`

/** Opens a team's Web API with two people, a number of channels, and the app in all of them. Gives its address. */
export const openTeam = (channels: number) =>
  createEmulator({ service: 'slack', port: 0, seed: { slack: seed(channels) } })

/** Calls a method of the Web API at `url`. Throws when the answer is not ok. */
export const ask = async (
  url: string,
  method: string,
  fields: Readonly<Record<string, string>>,
  as = app.token,
): Promise<Answer> => {
  const response = await fetch(`${url}/api/${method}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${as}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields),
  })
  const answer = (await response.json()) as Answer
  if (!answer.ok) throw new Error(`The stand-in's ${method} answered ${answer.error}.`)
  return answer
}

/** The fields of the answers that are read here; each method gives some of them. */
interface Answer {
  readonly ok: boolean
  readonly error?: string
  readonly team_id: string
  readonly ts: string
  readonly channel: { readonly id: string }
  readonly members: readonly Named[]
  readonly channels: readonly Named[]
  readonly messages: readonly { readonly ts: string; readonly text: string }[]
}
interface Named {
  readonly id: string
  readonly name: string
}

/** The team's id, its people's, and the channels', once the app has joined them. */
export const joined = async (url: string) => {
  const { team_id: team } = await ask(url, 'auth.test', {})
  const { members } = await ask(url, 'users.list', {})
  const { channels } = await ask(url, 'conversations.list', { limit: '1000' })
  const idOf = (person: Person) => members.find(({ name }) => name === person)?.id ?? ''
  const [first = '', second = '', ...others] = channels
    .filter(({ name }) => name.startsWith('work-'))
    .map(({ id }) => id)
  for (const channel of [first, second, ...others]) await ask(url, 'conversations.join', { channel })
  return {
    team,
    people: { ada: idOf('ada'), bob: idOf('bob') },
    channels: [first, second, ...others] as readonly [string, string, ...string[]],
  }
}

const seed = (channels: number) => ({
  users: [
    { name: 'ada', real_name: 'Ada' },
    { name: 'bob', real_name: 'Bob' },
  ],
  channels: Array.from({ length: Math.max(2, channels) }, (_, n) => ({ name: `work-${n}` })),
  oauth_apps: [
    {
      client_id: '1.1',
      client_secret: 'unused',
      app_id: app.id,
      name: 'Bellhop',
      redirect_uris: [],
      bot_name: 'bellhop',
      bot_id: app.botId,
      bot_user_id: app.user,
    },
  ],
  tokens: [
    { token: app.token, user: 'bellhop', type: 'bot', app_id: app.id, bot_id: app.botId },
    { token: tokenOf('ada'), user: 'ada', type: 'user' },
    { token: tokenOf('bob'), user: 'bob', type: 'user' },
  ],
})
