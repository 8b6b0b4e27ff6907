import type { Intake } from '../runner/intake.ts'
import type { Bell } from '../store/bell.ts'
import type { Folded } from '../store/lifecycle.ts'
import { fold, isOver, unfolded } from '../store/lifecycle.ts'
import type { Conversation, Delivery, Job, Message } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { update } from '../store/update.ts'
import { want } from './outbox.ts'
import { render } from './render.ts'
import type { Context } from './render-context.ts'
import { emptyScene, see } from './scene.ts'
import type { Thread } from './threads.ts'
import { threadOf } from './threads.ts'

export interface NarrationParts {
  readonly store: Store
  readonly bell: Bell
  readonly intake: Pick<Intake, 'place'>
  readonly publicUrl: string
  readonly now: () => Date
}

/** One job's log on its way into its conversation. */
export interface Narration {
  /** Reads what is new in the log and wants what the thread should show. True once the end is wanted. One call at a time. */
  go(): Promise<boolean>
  /** Where it is shown, once something is. */
  thread(): Thread | undefined
}

/** Takes up the narration of a job; it goes on from what was delivered, by reading the log from its start. */
export const openNarration = (parts: NarrationParts, delivery: Delivery): Narration => {
  const { store, bell, intake, publicUrl, now } = parts
  const wanted = new Map<string, Message>()
  let folded: Folded = unfolded
  let scene = emptyScene
  let setting: Setting | undefined
  let thread: Thread | undefined
  let queued: Pick<Context, 'place' | 'waits'> | undefined
  let noted = delivery.seq

  return {
    go: async () => {
      const record = await store.get('jobs', delivery.job)
      setting ??= record && (await settingOf(store, record, delivery.conversation))
      if (!record || !setting) return await note(true)
      await read()
      if (folded.folded === 0) return false
      const job: Job = { ...record, ...folded }
      queued = await whileQueued(job)
      await show(job, setting)
      thread ??= await threadAt(setting.conversation._id)
      return await note(isOver(job.state))
    },
    thread: () => thread,
  }

  async function threadAt(id: string): Promise<Thread | undefined> {
    const conversation = await store.get('conversations', id)
    return conversation && threadOf(conversation)
  }

  async function read(): Promise<void> {
    while (true) {
      const entries = await store.after(`job/${delivery.job}`, folded.folded)
      if (entries.length === 0) return
      folded = fold(folded, entries)
      scene = entries.reduce(see, scene)
    }
  }

  /** Its place is told as it was when it was queued; that it waits, for as long as it does. */
  async function whileQueued(job: Job): Promise<typeof queued> {
    if (job.state !== 'queued') return undefined
    const before = job.waitsFor && (queued?.waits ?? true) ? await store.get('jobs', job.waitsFor) : undefined
    if (before && !isOver(before.state)) return { waits: true }
    return queued?.place === undefined ? { place: await intake.place(job) } : queued
  }

  async function show(job: Job, { conversation, workspace, asker }: Setting): Promise<void> {
    const at = now()
    const context = { now: at, publicUrl, workspace, asker, ...queued }
    const { status, posts } = render(job, scene, context)
    const all = [{ slot: `status/${job._id}`, urgent: false, message: status }, ...posts]
    for (const { slot, urgent, message } of all) {
      if (wanted.get(slot)?.text === message.text) continue
      const to = { platform: conversation.platform, conversation: conversation._id }
      await want(store, bell, { ...to, slot, urgent, message }, at.toISOString())
      wanted.set(slot, message)
    }
  }

  /** How far the thread has it is written after the outbox has it. */
  async function note(done: boolean): Promise<boolean> {
    const seq = folded.folded
    if (seq <= noted && !done) return false
    await update(store, 'deliveries', delivery._id, stored => ({ ...stored, seq, done }))
    noted = seq
    return done
  }
}

/** What of a job's surroundings its messages name. */
interface Setting {
  readonly conversation: Conversation
  readonly workspace: string
  readonly asker: string
}

const settingOf = async (store: Store, job: Job, thread: string): Promise<Setting | undefined> => {
  const conversation = await store.get('conversations', thread)
  const workspace = await store.get('workspaces', job.workspace)
  const asker = await store.get('users', job.requester)
  if (!conversation) return undefined
  return { conversation, workspace: workspace?.name ?? job.workspace, asker: asker?.name ?? 'somebody' }
}
