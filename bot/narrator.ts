import type { Logger } from 'pino'
import type { Intake } from '../runner/intake.ts'
import type { Bell } from '../store/bell.ts'
import { fold, isOver, unfolded } from '../store/lifecycle.ts'
import type { Conversation, Delivery, Job } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { tail } from '../store/tail.ts'
import { update } from '../store/update.ts'
import { want } from './outbox.ts'
import type { Rendered } from './render.ts'
import { render } from './render.ts'
import type { Scene } from './scene.ts'
import { emptyScene, see } from './scene.ts'

/** Time goes on in the messages of running jobs this often; a lost bell is made up for in the same step. */
const tickMs = 5000

export interface NarratorParts {
  readonly store: Store
  readonly bell: Bell
  readonly intake: Pick<Intake, 'place'>
  readonly publicUrl: string
  readonly log: Logger
  readonly now: () => Date
  readonly signal: AbortSignal
}

interface Live {
  job: Job
  scene: Scene
  readonly conversation: Conversation
  readonly workspace: string
  readonly place: number
}

/**
 * Shows every job that was asked for in a conversation there: follows its log, renders what the thread should show, and
 * has the outbox want it. After a restart it goes on the same path, from the deliveries that are not done. Resolves when
 * the signal aborts.
 */
export const runNarrator = async (parts: NarratorParts): Promise<void> => {
  const { store, bell, log, now, signal } = parts
  const following = new Map<string, Promise<void>>()
  const live = new Map<string, Live>()
  let look = Promise.withResolvers<void>()
  const wake = () => look.resolve()
  const off = bell.on('jobs', wake)
  const ticking = setInterval(wake, tickMs)
  signal.addEventListener('abort', wake)
  try {
    while (!signal.aborted) {
      look = Promise.withResolvers<void>()
      await takeUp()
      for (const one of live.values()) if (one.job.state === 'running') await show(one)
      await look.promise
    }
    await Promise.all(following.values())
  } finally {
    off()
    clearInterval(ticking)
    signal.removeEventListener('abort', wake)
  }

  async function takeUp(): Promise<void> {
    let after = ''
    while (true) {
      const open = await store.find('deliveries', { where: { done: false, _id: { gt: after } }, limit: 500 })
      for (const delivery of open) {
        if (following.has(delivery.job)) continue
        const followed = follow(delivery)
          .catch(error =>
            log.error({ err: error, job: delivery.job }, 'a job could not be shown; it is tried again'),
          )
          .finally(() => {
            following.delete(delivery.job)
            live.delete(delivery.job)
          })
        following.set(delivery.job, followed)
      }
      if (open.length < 500) return
      after = open.at(-1)?._id ?? after
    }
  }

  async function follow(delivery: Delivery): Promise<void> {
    const job = await store.get('jobs', delivery.job)
    const conversation = await store.get('conversations', delivery.conversation)
    const workspace = job && (await store.get('workspaces', job.workspace))
    if (!job || !conversation) return
    const one: Live = {
      job: { ...job, ...unfolded },
      scene: emptyScene,
      conversation,
      workspace: workspace?.name ?? job.workspace,
      place: await parts.intake.place(job),
    }
    live.set(job._id, one)
    for await (const entries of tail(store, bell, `job/${job._id}`, 0, signal)) {
      one.job = fold(one.job, entries)
      one.scene = entries.reduce(see, one.scene)
      if (one.job.folded < delivery.seq) continue
      await show(one)
      const seq = one.job.folded
      const done = isOver(one.job.state)
      await update(store, 'deliveries', delivery._id, record => ({ ...record, seq, done }))
    }
  }

  async function show({ job, scene, conversation, workspace, place }: Live): Promise<void> {
    const at = now()
    const rendered: Rendered = render(job, scene, { now: at, publicUrl: parts.publicUrl, workspace, place })
    const to = { platform: conversation.platform, conversation: conversation._id }
    const over = isOver(job.state)
    await want(
      store,
      bell,
      { ...to, slot: `status/${job._id}`, urgent: false, message: rendered.status },
      at.toISOString(),
    )
    if (over)
      for (const { slot, message } of rendered.posts)
        await want(store, bell, { ...to, slot, urgent: true, message }, at.toISOString())
  }
}
