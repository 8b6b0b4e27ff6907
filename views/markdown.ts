import { raw } from 'hono/html'
import type { Html } from './layout.ts'
import { visible } from './visible.ts'

/** No HTML of the text's own, no pictures (they would tell another site who reads), links by http and https only. */
const open = async () => {
  const { default: MarkdownIt } = await import('markdown-it')
  const markdown = new MarkdownIt('default', { html: false, linkify: true, breaks: true }).disable('image')
  markdown.validateLink = url => /^https?:\/\//i.test(url)
  markdown.renderer.rules.link_open = (tokens, index, options, _env, self) => {
    tokens[index]?.attrSet('rel', 'noopener noreferrer nofollow')
    return self.renderToken(tokens, index, options)
  }
  return markdown
}

/** Loaded with the first text: 3 MB that a house without readers does without. */
let opened: ReturnType<typeof open> | undefined

/** Somebody's CommonMark as HTML that can do nothing: every other character of it is escaped. */
export const renderMarkdown = async (text: string): Promise<Awaited<Html>> => {
  opened ??= open()
  return raw((await opened).render(visible(text)))
}
