import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { Hono } from 'hono'
import { TooLarge } from '../../store/files.ts'
import { randomId } from '../../store/ids.ts'
import { sendFile } from '../download.ts'
import { granted, Problem } from '../problem.ts'
import { fileShape } from '../shapes.ts'
import type { Env, WebParts } from '../web.ts'

/** An upload may have this many bytes. */
const largest = 25 * 1024 * 1024

/** `/api/v1/files` */
export const filesApi = ({ store, intake, files, now }: WebParts) =>
  new Hono<Env>()
    .post('/', async c => {
      const name = (c.req.query('name') ?? '').split(/[\\/]/).at(-1)?.trim() ?? ''
      if (name === '' || name.length > 200)
        throw new Problem({
          status: 400,
          detail: 'The query takes `name`, the name of the file, of 1 to 200 characters.',
          field: 'name',
        })
      const id = randomId()
      const source = c.req.raw.body ? Readable.fromWeb(c.req.raw.body as ReadableStream) : ''
      const { bytes } = await files.write(id, source, largest).catch(error => {
        if (!(error instanceof TooLarge)) throw error
        throw new Problem({
          status: 413,
          detail: 'The file is larger than the 25 MB that an upload may have.',
        })
      })
      const mime = c.req.header('content-type') ?? 'application/octet-stream'
      const createdAt = now().toISOString()
      const record = { _id: id, rev: 0, name, bytes, mime, by: c.var.who.user._id, createdAt }
      await store.put('files', record)
      return c.json(fileShape(record), 201)
    })
    .get('/:id', async c => {
      const { _id, name, bytes } = granted(await intake.file(c.var.who, c.req.param('id')))
      const body = await files.read(_id)
      if (!body) throw new Problem({ status: 404, detail: 'The content of this file is gone.' })
      return sendFile(c, { name, bytes, body, as: 'attachment' })
    })
