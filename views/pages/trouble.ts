import type { Context } from 'hono'
import { html } from 'hono/html'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { page } from '../layout.ts'
import type { Problem } from '../problem.ts'
import { visible } from '../visible.ts'
import type { Env } from '../web.ts'

/**
 * Says on a page why something was not done: in the notice of the page that asked, where htmx did, else on one of its own.
 * Who is not logged in is led to where that is told.
 */
export const sendTrouble = (c: Context<Env>, { status, message }: Problem): Response | Promise<Response> => {
  if (c.req.header('hx-request')) {
    c.header('hx-retarget', '#notice')
    c.header('hx-reswap', 'innerHTML')
    return c.html(html`<p role="alert">${visible(message)}</p>`, status as ContentfulStatusCode)
  }
  if (status === 401) return c.redirect('/login', 303)
  const title = titles[status] ?? 'This could not be done'
  return c.html(
    page(title, c.var.who, html`<h1>${title}</h1><p>${visible(message)}</p>`),
    status as ContentfulStatusCode,
  )
}

const titles: Readonly<Record<number, string>> = {
  403: 'This is not allowed',
  404: 'There is nothing here',
  500: 'Something went wrong',
  503: 'Bellhop is out of reach',
}
