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

/** Asks each engine by its name whether it answers; one that rejects is not ready, for that reason. A text is told along. */
export const readiness = (
  checks: Readonly<Record<string, () => Promise<unknown>>>,
): Promise<readonly Ready[]> =>
  Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        const told = await check()
        return { name, ok: true, ...(typeof told === 'string' && { why: told }) }
      } catch (error) {
        return { name, ok: false, why: error instanceof Error ? error.message : String(error) }
      }
    }),
  )
