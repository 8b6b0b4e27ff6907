import { setTimeout } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'

const app = new Hono()
app.get('/readyz', context => context.text('ready'))
app.get('/events', context =>
  streamSSE(context, async stream => {
    let open = true
    stream.onAbort(() => {
      open = false
    })
    while (open) {
      const text = String((performance.timeOrigin + performance.now()) / 1000)
      await stream.writeSSE({ data: JSON.stringify({ type: 'said', text }) })
      await setTimeout(1000)
    }
  }),
)
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  console.log(`It is at http://127.0.0.1:${port}`),
)
