import { once } from 'node:events'
import { access, appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Usage } from '../sandbox/gateway.ts'
import { serveGateway } from '../sandbox/gateway-door.ts'
import { openGateway } from '../sandbox/local-gateway.ts'
import { openBare } from '../store/bare.ts'
import { openBlobs } from '../store/blobs.ts'

/**
 * A gateway as a process of its own, between the model API at the second argument and doors that keep all in the folder of
 * the first: repositories, files, what was metered, and in `past` whether all attempts are over.
 */
const [root = '', baseUrl = ''] = process.argv.slice(2)
const folder = join(root, 'gateways')
const ledger = join(root, 'metered')
const repos = openBare(join(root, 'repos'), { now: () => new Date() })
const files = openBlobs(join(root, 'files'))

await using _served = await serveGateway({
  folder,
  gateway: () =>
    openGateway({
      folder,
      model: { baseUrl, headers: {} },
      doors: {
        git: (repository, asked, push) => repos.serve(repository, asked, { push }),
        readFile: id => files.read(id),
        keepFile: async (_at, { name, body }, limit) => {
          await files.write(name, body, limit)
          return name
        },
        current: () =>
          access(join(root, 'past')).then(
            () => false,
            () => true,
          ),
        spent: async ({ job }) => {
          const lines = (await readFile(ledger, 'utf8').catch(() => '')).split('\n').filter(Boolean)
          const used = lines.map(line => JSON.parse(line) as Usage & { readonly job: string })
          return used.reduce((sum, usage) => (usage.job === job ? sum + usage.cost : sum), 0)
        },
        metered: ({ job }, usage) => appendFile(ledger, `${JSON.stringify({ job, ...usage })}\n`),
        refused: async () => {},
      },
    }),
})
console.log('The gateway serves.')
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
