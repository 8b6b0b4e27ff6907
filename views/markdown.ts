import { raw } from 'hono/html'
import MarkdownIt from 'markdown-it'
import { visible } from './visible.ts'

/** No HTML of the text's own, no pictures (they would tell another site who reads), links by http and https only. */
const markdown = new MarkdownIt('default', { html: false, linkify: true, breaks: true }).disable('image')
markdown.validateLink = url => /^https?:\/\//i.test(url)
markdown.renderer.rules.link_open = (tokens, index, options, _env, self) => {
  tokens[index]?.attrSet('rel', 'noopener noreferrer nofollow')
  return self.renderToken(tokens, index, options)
}

/** Somebody's CommonMark as HTML that can do nothing: every other character of it is escaped. */
export const renderMarkdown = (text: string) => raw(markdown.render(visible(text)))
