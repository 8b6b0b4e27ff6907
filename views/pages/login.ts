import { Hono } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { html } from 'hono/html'
import { endSession, redeemLogin } from '../../runner/logins.ts'
import { requireOurPage, sessionCookie } from '../auth.ts'
import { page } from '../layout.ts'
import type { WebParts } from '../web.ts'

const days30 = 30 * 24 * 60 * 60

/**
 * `/login/<secret>`: the link shows a button, and only pressing it uses the link up, so that a chat service that looks at
 * the link for a preview does not.
 */
export const loginPages = ({ store, now, publicUrl }: WebParts) =>
  new Hono()
    .get('/login', c => c.html(page('Log in', undefined, html`<h1>Log in</h1>${howTo}`)))
    .get('/login/:secret', c => {
      c.header('cache-control', 'no-store')
      const form = html`<h1>Welcome</h1>
        <p>This link logs you in on this browser, for 30 days.</p>
        <form method="post"><button class="primary" autofocus>Log in to Bellhop</button></form>`
      return c.html(page('Log in', undefined, form))
    })
    .post('/login/:secret', async c => {
      requireOurPage(c, publicUrl())
      const redeemed = await redeemLogin(store, c.req.param('secret'), now())
      if (!redeemed) return c.html(page('Log in', undefined, usedUp), 410)
      setCookie(c, sessionCookie, redeemed.session, {
        path: '/',
        httpOnly: true,
        // With `Strict` a button in the chat that leads here would come without the cookie. What changes something is
        // held to our own pages by `requireOurPage`.
        sameSite: 'Lax',
        secure: publicUrl().startsWith('https:'),
        maxAge: days30,
      })
      return c.redirect('/', 303)
    })
    .post('/logout', async c => {
      requireOurPage(c, publicUrl())
      const session = getCookie(c, sessionCookie)
      if (session) await endSession(store, session)
      deleteCookie(c, sessionCookie, { path: '/' })
      return c.redirect('/login', 303)
    })

const howTo = html`<p>Write <code>/hop web</code> in the chat: you get a link that logs you in. Who runs Bellhop finds one
  in its terminal, each time it starts.</p>`

const usedUp = html`<h1>This link is used up</h1>
  <p>This login link has expired or was used before: each works once, within 15 minutes.</p>${howTo}`
