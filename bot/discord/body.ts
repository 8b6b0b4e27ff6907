import type { APIActionRowComponent, APIButtonComponent, RESTPostAPIChannelMessageJSONBody } from 'discord.js'
import { ButtonStyle, ComponentType, MessageFlags } from 'discord.js'
import type { Button, Message } from '../../store/records.ts'

/** Discord's limits: characters of a message, a label and a thread's name, buttons of a row, rows. */
export const mostInText = 2000
const mostInLabel = 80
const mostInName = 100
const mostInRow = 5
const mostRows = 5

/** A message in Discord's form. Its markdown stays as it is; nothing in it notifies anybody or is unfurled. */
export const bodyOf = ({ text, buttons = [], file }: Message) => {
  const content = text.trim() || (file ? '' : '…')
  return {
    content: content.length > mostInText ? `${content.slice(0, mostInText - 1).toWellFormed()}…` : content,
    components: rowsOf(buttons),
    allowed_mentions: { parse: [] },
    flags: MessageFlags.SuppressEmbeds,
  } satisfies RESTPostAPIChannelMessageJSONBody
}

/** A thread is named after what was asked, which a job's first message has as code, or after its first words. */
export const nameOf = ({ text }: Message): string => {
  const [, asked] = /`([^`\n]+)`/.exec(text) ?? []
  const name = (asked ?? text.replaceAll(/[*_~`#>]/g, '')).replaceAll(/\s+/g, ' ').trim() || 'A job'
  return name.length > mostInName ? `${name.slice(0, mostInName - 1).toWellFormed()}…` : name
}

const rowsOf = (buttons: readonly Button[]): APIActionRowComponent<APIButtonComponent>[] => {
  const all = buttons.flatMap(button => buttonOf(button) ?? []).slice(0, mostInRow * mostRows)
  return Array.from({ length: Math.ceil(all.length / mostInRow) }, (_, row) => ({
    type: ComponentType.ActionRow,
    components: all.slice(row * mostInRow, (row + 1) * mostInRow),
  }))
}

/** Discord refuses a whole message for the sake of one link to a host without a dot, so such a link is left out. */
const buttonOf = ({ label, style, press }: Button): APIButtonComponent | undefined => {
  const type = ComponentType.Button
  const named = { type, label: label.slice(0, mostInLabel) } as const
  if (!('url' in press))
    return { ...named, style: styles[style ?? 'secondary'], custom_id: `hop:${press.verb}:${press.job}` }
  const isLink = /^https?:\/\/[^/?#]*\.[^/?#]/i.test(press.url) && press.url.length <= 512
  return isLink ? { ...named, style: ButtonStyle.Link, url: press.url } : undefined
}

const styles = {
  primary: ButtonStyle.Primary,
  secondary: ButtonStyle.Secondary,
  danger: ButtonStyle.Danger,
} as const
