import type { Context } from 'hono'
import { getCookie } from 'hono/cookie'
import { createMiddleware } from 'hono/factory'
import { sessionUser, tokenUser } from '../runner/logins.ts'
import { Problem } from './problem.ts'
import type { Env, WebParts } from './web.ts'

export const sessionCookie = 'bellhop_session'

/**
 * Finds out who asks, by bearer token or session cookie. What changes something and comes with a cookie must come from
 * our own pages. Throws a `Problem` of 401 or 403.
 */
export const authenticate = ({ store, now, publicUrl }: WebParts) =>
  createMiddleware<Env>(async (c, next) => {
    const bearer = /^Bearer\s+(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1]
    const session = bearer ? undefined : getCookie(c, sessionCookie)
    if (session && !['GET', 'HEAD'].includes(c.req.method)) requireOurPage(c, publicUrl())
    const user = bearer
      ? await tokenUser(store, bearer, now())
      : session && (await sessionUser(store, session, now()))
    if (!user)
      throw new Problem({
        status: 401,
        detail: bearer
          ? 'This token is unknown or has expired.'
          : 'You are not logged in. Ask for a link with `/hop web` in the chat, or send a bearer token.',
      })
    c.set('who', { user, team: 'web' })
    await next()
  })

/**
 * Refuses what another site had a browser send. Browsers tell where a request began by `Sec-Fetch-Site`; over plain HTTP,
 * where they leave it out, by `Origin`.
 */
export const requireOurPage = (c: Context, publicUrl: string) => {
  const site = c.req.header('sec-fetch-site')
  const origin = c.req.header('origin') ?? ''
  const ours = [new URL(publicUrl).host, c.req.header('host')]
  const same =
    site === undefined ? URL.canParse(origin) && ours.includes(new URL(origin).host) : site === 'same-origin'
  if (!same)
    throw new Problem({
      status: 403,
      detail:
        'This request did not come from a page of ours and was not carried out; open Bellhop and try again there.',
    })
}
