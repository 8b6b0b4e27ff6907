import { html } from 'hono/html'
import type { Conversation } from '../../store/records.ts'
import type { Html } from '../layout.ts'

/** The buttons that lead to a conversation: as it is shown here, and in Slack where it stands there. */
export const threadLink = ({ _id, address, channel }: Conversation): Html => {
  const [platform, team, place, ts] = (address ?? channel).split(':')
  const thread = ts ? `/thread/${place}-${ts}` : ''
  return html`<a class="button" href="/chat/${_id}">Open thread</a>
    ${platform === 'slack' && html`<a class="button" href="https://app.slack.com/client/${team}/${place}${thread}">Open in Slack</a>`}`
}
