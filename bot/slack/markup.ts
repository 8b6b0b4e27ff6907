import type { Token } from 'markdown-it'
import MarkdownIt from 'markdown-it'

/** Tables and HTML stay as they were written; only whole addresses become links. */
const parser = new MarkdownIt({ html: false, linkify: true }).disable('table')
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false })

/** What Slack takes for its own signs; escaped, no text can mention or notify anybody. */
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** Markdown as Slack's mrkdwn. Nothing in it mentions a person or a channel, whatever the text says. */
export const mrkdwn = (markdown: string): string => {
  const lists: { next: number | undefined }[] = []
  let out = ''
  let quotes = 0
  let marker = ''
  let heading = false
  let inside = false

  const put = (text: string, plain = false) => {
    const nested = lists.length > 0 || quotes > 0
    if (out) out += inside && nested ? '\n' : '\n\n'
    inside = nested
    const indent = '    '.repeat(Math.max(0, lists.length - 1))
    const first = (quotes > 0 ? '> ' : '') + indent + marker
    const further = (quotes > 0 ? '> ' : '') + indent + (lists.length > 0 ? '  ' : '')
    marker = ''
    out += plain ? text : text.replace(/^/, () => first).replaceAll('\n', `\n${further}`)
  }

  for (const token of parser.parse(markdown, {})) {
    if (token.type === 'bullet_list_open') lists.push({ next: undefined })
    else if (token.type === 'ordered_list_open') lists.push({ next: Number(token.attrGet('start') ?? 1) })
    else if (token.type === 'bullet_list_close' || token.type === 'ordered_list_close') lists.pop()
    else if (token.type === 'list_item_open') {
      const list = lists.at(-1)
      marker = list?.next === undefined ? '• ' : `${list.next++}. `
    } else if (token.type === 'blockquote_open') quotes++
    else if (token.type === 'blockquote_close') quotes--
    else if (token.type === 'heading_open') heading = true
    else if (token.type === 'heading_close') heading = false
    else if (token.type === 'hr') put('———')
    else if (token.type === 'fence' || token.type === 'code_block') put(codeBlock(token.content), true)
    else if (token.type === 'inline') {
      const text = inline(token.children ?? [], heading)
      put(heading ? `*${text}*` : text)
    }
  }
  return out
}

const codeBlock = (code: string): string =>
  // Slack has no longer fence: a zero-width space keeps three backticks inside from ending the block.
  `\`\`\`\n${escaped(code.replaceAll('```', '`\u200b`\u200b`')).replace(/\n?$/, '\n')}\`\`\``

const inline = (tokens: readonly Token[], bold: boolean): string => {
  let out = ''
  let bare = false
  let behind = ''
  for (const token of tokens) {
    if (token.type === 'link_close') {
      if (!bare) out += behind
      bare = false
    } else if (bare) continue
    else if (token.type === 'link_open') {
      const href = String(token.attrGet('href') ?? '')
      const safe = isSafe(href)
      bare = safe && (token.markup === 'linkify' || token.markup === 'autolink')
      out += bare ? `<${escaped(href)}>` : safe ? `<${escaped(href)}|` : ''
      behind = safe ? '>' : ` (${escaped(href)})`
    } else if (token.type === 'image') {
      const href = String(token.attrGet('src') ?? '')
      out += isSafe(href) ? `<${escaped(href)}|${escaped(token.content || 'image')}>` : escaped(token.content)
    } else if (token.type === 'code_inline') out += `\`${escaped(token.content.replaceAll('`', "'"))}\``
    else if (token.type === 'strong_open' || token.type === 'strong_close') out += bold ? '' : '*'
    else if (token.type === 'em_open' || token.type === 'em_close') out += '_'
    else if (token.type === 's_open' || token.type === 's_close') out += '~'
    else if (token.type === 'softbreak' || token.type === 'hardbreak') out += '\n'
    else out += escaped(token.content)
  }
  return out
}

/** An address of any other form could be one of Slack's own signs, such as `!channel` or `@U1`. */
const isSafe = (href: string): boolean => /^(https?:\/\/|mailto:)[^|<>\s]+$/i.test(href)
