import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as elapse } from 'node:timers/promises'
import { isOver } from '../store/lifecycle.ts'
import type { Job } from '../store/records.ts'
import { engine, skipOf } from './engines.ts'
import { until } from './house.ts'
import { checkLog, lines } from './runners-check.ts'
import type { GatewayPlace, Runners } from './runners-parts.ts'
import { startRunners } from './runners-parts.ts'
import { seeded } from './seeded.ts'

const engines = ['redis', 'mongo-java-server', 'docker'] as const
const [missing] = (await Promise.all(engines.map(engine))).flatMap(found => skipOf(found) || [])

const soak = process.env.SOAK !== undefined
/** In all places of the gateways together: 20 rounds of 200 jobs in a soak, else 2 of 10. */
const places: readonly GatewayPlace[] = soak ? ['apart', 'in the runners'] : ['apart']
const rounds = soak ? 10 : 2
const count = soak ? 200 : 10
/** The jobs of a round are asked for in this time. */
const askingMs = soak ? 60_000 : 4000
/** How often each runner is killed in a round, and the longest that it is left alone before. */
const kills = soak ? 4 : 1
const betweenMs = soak ? 15_000 : 4000
/** The longest that a runner stays away when it is killed; in each third round of a soak one does so for longer than any lease. */
const shortMs = 2000
const longMs = 30_000
const patienceMs = soak ? 900_000 : 90_000
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000)
const random = seeded(seed)

for (const place of places)
  void describe(`two runners, kill -9, gateways ${place} (seed ${seed})`, { skip: missing ?? false }, () => {
    let runners: Runners
    const jobs = new Map<string, string>()
    let adopted = 0

    before(async () => {
      runners = await startRunners(place, { concurrency: 4 })
    })
    after(() => runners?.[Symbol.asyncDispose]())

    /** Asks for a job that says its lines in 0.2 to 2 s and leaves a file of its own. */
    const submit = async (name: string) => {
      const pause = (0.2 + 1.8 * random()) / lines
      const script = [
        `n=1; while [ $n -le ${lines} ]; do echo line-$n; n=$((n+1)); sleep ${pause.toFixed(4)}; done`,
        `echo ${name} > ${name}.txt`,
      ].join('\n')
      const asked = await runners.parts.web.api('/jobs', {
        method: 'POST',
        body: JSON.stringify({ agent: 'command', prompt: script }),
      })
      const { id } = (await asked.json()) as { id: string }
      assert.equal(asked.status, 202)
      jobs.set(id, name)
      return id
    }

    /** Kills and starts one runner over and over: once while a box of its is at work, if `working`, and at any moment else. */
    const torment = async (name: string, how: { readonly working: boolean; readonly staysAway: boolean }) => {
      for (let n = 0; n < kills; n++) {
        await elapse(random() * betweenMs)
        const awayMs = how.staysAway && n === 0 ? longMs : random() * shortMs
        await runners.kill(name, { working: how.working && n === 0, awayMs })
      }
    }

    const ended = async (ids: readonly string[]): Promise<readonly Job[]> => {
      const { store, parts } = runners
      let open: readonly string[] = ids
      const over: Job[] = []
      await until(
        `${ids.length} jobs to end`,
        async () => {
          const found = await Promise.all(open.map(id => store.get('jobs', id)))
          over.push(...found.flatMap(job => (job && isOver(job.state) ? [job] : [])))
          open = found.flatMap(job => (job && !isOver(job.state) ? [job._id] : []))
          return open.length === 0
        },
        patienceMs,
      ).catch(async cause => {
        const left = await Promise.all(open.map(id => store.get('jobs', id)))
        throw new Error(`These did not end: ${JSON.stringify(left)}\n${parts.printed()}`, { cause })
      })
      return over
    }

    for (let round = 1; round <= rounds; round++)
      test(`round ${round}: ${count} jobs end, each once, with whole logs`, async t => {
        const { store, names } = runners
        const asking = Promise.all(
          Array.from({ length: count }, async (_, n) => {
            await elapse(random() * askingMs)
            return await submit(`round-${round}-${n}`)
          }),
        )
        const tormented = names.map((name, n) =>
          torment(name, { working: round % 2 === n, staysAway: soak && round % 3 === n }),
        )
        const all = await ended(await asking)
        await Promise.all(tormented)
        const told = await Promise.all(all.map(job => checkLog(store, job, runners.kills)))
        for (const { _id, state, workspace } of all) {
          const name = jobs.get(_id)
          const file = await runners.parts.web.api(`/workspaces/${workspace}/files/${name}.txt`)
          if (state === 'succeeded') assert.equal(await file.text(), `${name}\n`)
        }
        adopted += told.filter(one => one.adopted).length
        const lost = told.reduce((sum, one) => sum + one.lost, 0)
        t.diagnostic(`${lost} attempts lost, ${told.filter(one => one.adopted).length} boxes adopted`)
      })

    test('no two attempts of a job were alive at once, and of each job a box was seen', () => {
      for (const { overlaps, seen } of runners.witnesses) {
        assert.deepEqual(
          overlaps.filter(({ job }) => jobs.has(job)),
          [],
        )
        assert.deepEqual(
          [...jobs.keys()].filter(job => !seen.has(job)),
          [],
        )
      }
      const twice = [...runners.witnesses[1].starts].filter(([, times]) => times > 1)
      assert.deepEqual(twice, [], 'an attempt had one box')
    })

    test('a box went on under a runner that was killed and came back', () => {
      assert.ok(adopted > 0, `none of ${runners.kills.length} kills`)
    })

    test('no container, no volume and no folder of a gateway is left', async () => {
      const [, containers] = runners.witnesses
      let left: readonly string[] = []
      await until('the boxes to go', async () => {
        left = [...(await containers.left()), ...(await runners.gatewayFolders())]
        return left.length === 0
      }).catch(() => assert.deepEqual(left, []))
    })

    test('the runners have nothing of the repositories, and their owner nothing of the boxes', async () => {
      const { parts, names } = runners
      const inFolder = (name: string, folder: string) => readdir(join(parts.folderOf(name), folder))
      assert.ok((await inFolder('web', 'repos')).length > 0)
      assert.deepEqual(await inFolder('web', 'boxes'), [])
      for (const name of names) assert.deepEqual(await inFolder(name, 'repos'), [])
    })

    test('all stop in order', async () => {
      for (const name of [...runners.parts.running.keys()].toReversed())
        assert.equal(await runners.parts.end(name, 'SIGTERM'), 0, runners.parts.printed())
    })
  })
