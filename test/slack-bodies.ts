import type { SlackCall } from './slack-relay.ts'
import { app } from './slack-team.ts'

/** Whose body it is. `number` makes ids that no other body has. */
interface From {
  readonly team: string
  readonly user: string
  readonly name: string
  readonly number: number
}

/** The envelope that Slack puts around an event. */
export const eventBody = (team: string, event: object, id: string): object => ({
  type: 'event_callback',
  team_id: team,
  api_app_id: app.id,
  event,
  event_id: id,
  event_time: Math.floor(Date.now() / 1000),
  authorizations: [
    { enterprise_id: null, team_id: team, user_id: app.user, is_bot: true, is_enterprise_install: false },
  ],
})

/** What Slack tells an app of a message that the app itself posted or edited; nothing of other calls. */
export const echoOf = (
  { method, channel, ts = '', thread, text }: SlackCall,
  team: string,
  number: number,
): object | undefined => {
  const said = { type: 'message', user: app.user, bot_id: app.botId, app_id: app.id, team, text, channel, ts }
  if (method === 'chat.postMessage')
    return { ...said, event_ts: ts, channel_type: typeOf(channel), ...(thread && { thread_ts: thread }) }
  if (method === 'chat.update')
    return {
      type: 'message',
      subtype: 'message_changed',
      hidden: true,
      channel,
      ts: `1.${number}`,
      message: said,
    }
  return undefined
}

export const commandForm = (
  { team, user, name, number }: From,
  command: string,
  channel: string,
  text: string,
) => ({
  command,
  text,
  api_app_id: app.id,
  team_id: team,
  channel_id: channel,
  user_id: user,
  user_name: name,
  trigger_id: `trigger.${number}`,
})

/** A press of the n-th button of a message. */
export const pressForm = (
  { team, user, name, number }: From,
  { channel, ts = '', thread, blocks }: SlackCall,
  button: number,
) => {
  const pressed = blocks.flatMap(block => block.elements ?? [])[button]
  if (!pressed) throw new Error(`The message has no button ${button}.`)
  const payload = {
    type: 'block_actions',
    api_app_id: app.id,
    team: { id: team, domain: 'test' },
    user: { id: user, username: name, name, team_id: team },
    channel: { id: channel, name: 'work' },
    container: { type: 'message', message_ts: ts, channel_id: channel },
    message: { type: 'message', ts, ...(thread && { thread_ts: thread }) },
    actions: [{ type: 'button', block_id: 'b', ...pressed }],
    trigger_id: `trigger.${number}`,
  }
  return { payload: JSON.stringify(payload) }
}

export const typeOf = (channel: string): 'im' | 'channel' => (channel.startsWith('D') ? 'im' : 'channel')
