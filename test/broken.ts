import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { platformContract } from '../bot/platform.contract.ts'
import { openWebChat } from '../bot/web.ts'
import { agentContract } from '../runner/agents/agent.contract.ts'
import { openScript } from '../runner/agents/script.ts'
import { openEmbedded } from '../runner/embedded.ts'
import { queueContract } from '../runner/queue.contract.ts'
import { gatewayContract } from '../sandbox/gateway.contract.ts'
import { openGateway } from '../sandbox/local-gateway.ts'
import { openProcess } from '../sandbox/process.ts'
import { sandboxContract } from '../sandbox/sandbox.contract.ts'
import { openBare } from '../store/bare.ts'
import { bellContract } from '../store/bell.contract.ts'
import { openBlobs } from '../store/blobs.ts'
import { filesContract } from '../store/files.contract.ts'
import { openLocalBell } from '../store/local-bell.ts'
import { reposContract } from '../store/repos.contract.ts'
import { openSqlite } from '../store/sqlite.ts'
import { storeContract } from '../store/store.contract.ts'
import { openWebTrial } from './web-trial.ts'

/*
 * Run by contracts.test.ts, and by it alone: the contract that BROKEN names, on an engine that keeps every promise of it but
 * one.
 */
const folder = () => mkdtemp(join(tmpdir(), 'bellhop-broken-'))
const now = () => new Date()
const forget = { [Symbol.asyncDispose]: async () => {} }

const contracts: Readonly<Record<string, () => void>> = {
  store: () =>
    storeContract('broken', async () => {
      const store = openSqlite(join(await folder(), 'bellhop.db'))
      // Writes over whatever somebody else has written meanwhile.
      const put: typeof store.put = async (kind, record) => {
        const rev = (await store.get(kind, record._id))?.rev ?? 0
        return (await store.put(kind, { ...record, rev })) ?? (await put(kind, record))
      }
      return { ...store, put }
    }),
  bell: () =>
    bellContract('broken', async () => {
      const bell = openLocalBell()
      // Does not let go of a listener.
      const on: typeof bell.on = (topic, listener) => {
        bell.on(topic, listener)
        return () => {}
      }
      return { ...bell, on }
    }),
  queue: () =>
    queueContract('broken', () => {
      const queue = openEmbedded({ now })
      return { ...queue, add: ticket => queue.add({ ...ticket, priority: 5 }) }
    }),
  files: () =>
    filesContract('broken', async () => {
      const files = openBlobs(await folder())
      return { ...files, write: (id, source) => files.write(id, source, Number.MAX_SAFE_INTEGER) }
    }),
  repos: () =>
    reposContract(
      'broken',
      async () => {
        const repos = openBare(await folder(), { now })
        return { ...forget, repos: { ...repos, shelve: async () => {} } }
      },
      false,
    ),
  sandbox: () =>
    sandboxContract({
      engine: 'broken',
      module: import.meta.resolve('../sandbox/process.ts'),
      opener: 'openProcess',
      openSandbox: parts => {
        const sandbox = openProcess(parts)
        const open: typeof sandbox.open = async order => {
          const box = await sandbox.open(order)
          // Gives the whole output whatever position was asked for.
          return { ...box, output: () => box.output(0) }
        }
        return { ...sandbox, open }
      },
      skip: false,
    }),
  gateway: () =>
    gatewayContract('broken', parts => {
      const gateway = openGateway(parts)
      return { ...gateway, release: async () => {} }
    }),
  platform: () =>
    platformContract('broken', () =>
      openWebTrial(parts => {
        const chat = openWebChat(parts)
        // Counts as done what could not be handled.
        return { ...chat, receive: envelope => chat.receive(envelope).catch(() => {}) }
      }),
    ),
  agent: () => {
    const agent = openScript()
    agentContract({
      // Forgets the half of a line that it heard.
      agent: {
        ...agent,
        read: () => ({ ...agent.read(), read: (stream, text) => agent.read().read(stream, text) }),
      },
      skip: false,
      speaking: 'plan make it\nrun echo made > made.txt\nsay It is made.',
      failing: 'exit 3',
    })
  },
}

contracts[process.env.BROKEN ?? '']?.()
