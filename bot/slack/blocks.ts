import type { types } from '@slack/bolt'
import type { Button, Message } from '../../store/records.ts'
import { split } from '../split.ts'
import { mrkdwn } from './markup.ts'

/** Limits of Slack's Block Kit: characters of a section, a button's label and address; blocks and buttons of a message. */
const mostInSection = 3000
const mostInLabel = 75
const mostInUrl = 3000
const mostBlocks = 49
const mostButtons = 25
/** `chat.update` refuses more than 4,000 characters in `text`. */
const mostFallback = 3900
/** Slack names no limit for all blocks together; refusals were seen from 11,000 characters on. */
const mostInAll = 10_000

/** A message in Slack's form: `text` is for notifications and search, the blocks are what is read. */
export const blocksOf = (
  message: Message,
): { readonly text: string; readonly blocks: (types.SectionBlock | types.ActionsBlock)[] } => {
  const all = sections(message.text.trim() || '…', mostInSection)
  let room = mostInAll
  const kept = all.slice(0, mostBlocks).filter(section => {
    room -= section.length
    return room >= 0
  })
  const shown = kept.length < all.length ? [...kept.slice(0, mostBlocks - 1), '…'] : kept
  const buttons = (message.buttons ?? []).slice(0, mostButtons).map(buttonOf)
  return {
    text: fallback(all.join('\n')),
    blocks: [
      ...shown.map(text => ({
        type: 'section' as const,
        // Verbatim: no plain `@here` in it is read as a mention.
        text: { type: 'mrkdwn' as const, text, verbatim: true },
      })),
      ...(buttons.length > 0 ? [{ type: 'actions' as const, elements: buttons }] : []),
    ],
  }
}

/** Cut as markdown and turned piece by piece, so that no sign of Slack's is cut in two; escapes can make a piece longer. */
const sections = (markdown: string, limit: number): readonly string[] =>
  split(markdown, limit).flatMap(piece => {
    const text = mrkdwn(piece) || '…'
    if (text.length <= mostInSection) return [text]
    return limit > 100 ? sections(piece, Math.ceil(limit / 2)) : [`${text.slice(0, mostInSection - 1)}…`]
  })

const fallback = (text: string): string =>
  text.length <= mostFallback ? text : `${text.slice(0, mostFallback).replace(/[<&][^>;\s]*$/, '')}…`

const buttonOf = ({ label, style, press }: Button, index: number): types.Button => ({
  type: 'button',
  action_id: `hop:${index}`,
  text: { type: 'plain_text', text: label.slice(0, mostInLabel) },
  ...(style && { style }),
  ...('url' in press ? { url: press.url.slice(0, mostInUrl) } : { value: JSON.stringify(press) }),
})
