import { Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import { isUnreachable } from '../store/away.ts'
import { conversationsApi } from './api/conversations.ts'
import { filesApi } from './api/files.ts'
import { jobsApi } from './api/jobs.ts'
import { workspacesApi } from './api/workspaces.ts'
import { assets } from './assets.ts'
import { authenticate } from './auth.ts'
import { limitBody } from './body.ts'
import { health } from './health.ts'
import { chatPages } from './pages/chat.ts'
import { jobPages } from './pages/jobs.ts'
import { loginPages } from './pages/login.ts'
import { sendTrouble } from './pages/trouble.ts'
import { workspacePages } from './pages/workspaces.ts'
import { Problem, sendProblem } from './problem.ts'
import { reposDoor } from './repos-door.ts'
import { userShape } from './shapes.ts'
import { slackEvents } from './slack-events.ts'
import type { Env, WebParts } from './web.ts'

/** The web as a value: pages, API, login, and Slack's door. */
export const openApp = (parts: WebParts): Hono<Env> => {
  const { log, slack } = parts
  const app = new Hono<Env>()
  app.use(secureHeaders({ ...headers, overwrite: false }))

  app.onError((error, c) => {
    const known = error instanceof Problem
    if (!known) log.error({ err: error, path: c.req.path }, 'a request failed')
    const problem = known ? error : problemOf(error)
    if (isUnreachable(error)) c.header('retry-after', '5')
    const forPerson = !/^\/(api|slack|healthz|readyz)\b/.test(c.req.path)
    return forPerson ? sendTrouble(c, problem) : sendProblem(c, problem)
  })
  app.notFound(c => {
    throw new Problem({ status: 404, detail: `There is nothing at ${c.req.path.slice(0, 200)}.` })
  })

  app.route('/', health(parts))
  app.route('/assets', assets())
  if (slack) app.route('/slack/events', slackEvents(parts, slack.signingSecret))
  if (parts.reposToken)
    app.route('/internal/repos', reposDoor({ repos: parts.repos, log, token: parts.reposToken }))
  app.route('/', loginPages(parts))

  app.use(authenticate(parts))
  app.route('/api/v1/files', filesApi(parts))
  app.use(limitBody)
  app.get('/api/v1/me', c => c.json(userShape(c.var.who.user)))
  app.route('/api/v1/jobs', jobsApi(parts))
  app.route('/api/v1/workspaces', workspacesApi(parts))
  app.route('/api/v1/conversations', conversationsApi(parts))
  app.route('/', jobPages(parts))
  app.route('/', workspacePages(parts))
  app.route('/', chatPages(parts))
  return app
}

/** How a failure is told to who asked. What the database left unanswered may have been done after all, so nothing is said of that. */
const problemOf = (error: Error): Problem =>
  isUnreachable(error)
    ? new Problem({
        status: 503,
        detail: 'Bellhop cannot reach its database right now. Try again in a minute.',
      })
    : new Problem({
        status: 500,
        detail: 'Something went wrong here. It is in the log; try again in a while.',
      })

/** Nothing on a page comes from elsewhere or stands in its own text; `same-origin` lets our own forms tell their origin. */
const headers = {
  referrerPolicy: 'same-origin',
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    connectSrc: ["'self'"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
}
