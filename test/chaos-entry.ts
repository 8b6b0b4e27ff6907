import { once } from 'node:events'
import { readConfig } from '../config.ts'
import type { Engines } from '../main.ts'
import { openEngines, openHouse } from '../main.ts'
import type { Event } from '../store/events.ts'
import type { Kind, Records } from '../store/records.ts'
import type { Store } from '../store/store.ts'

/**
 * Bellhop with a trap: the process kills itself right after the write that KILL_AFTER names (`label` or `label#n` for the
 * nth of them), by SIGKILL, so that nothing of it gets to clean up. The traps wrap the ports; the product knows of none.
 */
const [wanted = '', nth = '1'] = (process.env.KILL_AFTER ?? '').split('#')
let left = Number(nth)
const did = (label: string) => {
  if (label === wanted && --left === 0) process.kill(process.pid, 'SIGKILL')
}

/** What a write is called, after the order of writes that the records promise. */
const labelOf = <K extends Kind>(kind: K, record: Records[K]): string => {
  if (kind === 'inbox') return `inbox ${(record as Records['inbox']).state}`
  if (kind === 'outbox') return (record as Records['outbox']).shown ? 'shown' : 'outbox'
  if (kind === 'jobs') return record.rev === 0 ? 'job' : 'folded'
  if (kind === 'deliveries') return record.rev === 0 ? 'announced' : 'delivery'
  return kind
}

const trappedStore = (store: Store): Store => ({
  ...store,
  put: async (kind, record) => {
    const stored = await store.put(kind, record)
    did(labelOf(kind, record))
    return stored
  },
  append: async (log, drafts, attempt) => {
    const appended = await store.append(log, drafts, attempt)
    for (const draft of drafts as readonly (Event | { readonly type: 'turn' })[]) did(draft.type)
    return appended
  },
})

const trapped = (engines: Engines): Engines => ({
  ...engines,
  store: trappedStore(engines.store),
  patient: signal => trappedStore(engines.patient(signal)),
  queue: {
    ...engines.queue,
    add: async ticket => {
      await engines.queue.add(ticket)
      did('ticket')
    },
  },
  repos: {
    ...engines.repos,
    merge: async (id, merge) => {
      const merged = await engines.repos.merge(id, merge)
      did('merge')
      return merged
    },
    serve: async (id, request, rights) => {
      const response = await engines.repos.serve(id, request, rights)
      if (request.path === '/git-receive-pack') did('push')
      return response
    },
  },
  sandboxes: engines.sandboxes.map(sandbox => ({
    ...sandbox,
    open: async order => {
      const box = await sandbox.open(order)
      did('box')
      return box
    },
  })),
  gateway: doors => {
    const gateway = engines.gateway(doors)
    return {
      ...gateway,
      release: async (job, attempt) => {
        await gateway.release(job, attempt)
        did('released')
      },
    }
  },
  platform: platform => ({
    ...platform,
    post: async (address, message) => {
      const posted = await platform.post(address, message)
      did('post')
      return posted
    },
    edit: async (address, messageId, message) => {
      await platform.edit(address, messageId, message)
      did('edit')
    },
  }),
})

const config = readConfig()
await using engines = trapped(await openEngines(config))
await using house = await openHouse(config, engines)
console.log(`Bellhop is at ${house.url}`)
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
