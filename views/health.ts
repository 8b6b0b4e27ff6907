import { Hono } from 'hono'
import type { Env, Ready } from './web.ts'

/** Whether the process runs, and whether its engines answer: an orchestrator sends no work where they do not. */
export const health = ({
  ready,
  version,
}: {
  readonly ready: () => Promise<readonly Ready[]>
  readonly version: string
}): Hono<Env> => {
  const app = new Hono<Env>()
  app.get('/healthz', c => c.json({ ok: true, version }))
  app.get('/readyz', async c => {
    const engines = await ready()
    const ok = engines.every(engine => engine.ok)
    return c.json({ ok, engines }, ok ? 200 : 503)
  })
  return app
}
