import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Hono } from 'hono'
import { etag } from 'hono/etag'
import { Problem } from './problem.ts'

const own = (name: string) => new URL(`./assets/${name}`, import.meta.url).href
const script = 'text/javascript; charset=utf-8'

/** Every file that pages load: our own and, from its package, htmx. */
const files: Readonly<Record<string, readonly [url: string, type: string]>> = {
  'style.css': [own('style.css'), 'text/css; charset=utf-8'],
  'icon.svg': [own('icon.svg'), 'image/svg+xml'],
  'page.js': [own('page.js'), script],
  'htmx.min.js': [import.meta.resolve('htmx.org/dist/htmx.min.js'), script],
  'hx-sse.min.js': [import.meta.resolve('htmx.org/dist/ext/hx-sse.min.js'), script],
}

/** `/assets`: read when first asked for; a browser asks each time whether it has changed, and mostly it has not. */
export const assets = () => {
  const kept = new Map<string, Uint8Array<ArrayBuffer>>()
  return new Hono().get('/:name', etag(), async c => {
    const name = c.req.param('name')
    const file = Object.hasOwn(files, name) ? files[name] : undefined
    if (!file) throw new Problem({ status: 404, detail: `There is no asset "${name.slice(0, 100)}".` })
    const [url, type] = file
    const content = kept.get(name) ?? new Uint8Array(await readFile(fileURLToPath(url)))
    kept.set(name, content)
    return c.body(content, 200, { 'content-type': type, 'cache-control': 'public, no-cache' })
  })
}
