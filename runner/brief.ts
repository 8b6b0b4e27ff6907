import { briefing } from '../memory/briefing.ts'
import type { Turn } from '../store/events.ts'
import type { Job } from '../store/records.ts'
import type { Repos } from '../store/repos.ts'
import type { Entry, Store } from '../store/store.ts'
import { mainRef } from './finish.ts'
import type { Briefing } from './order.ts'

/** A `CLAUDE.md` past this many bytes is no instruction text and is left out: 256 KB. */
const mostRepositoryBytes = 256 * 1024

/** Gathers what a briefing is made of. */
export const openBriefing =
  ({
    store,
    repos,
    now,
  }: {
    readonly store: Store
    readonly repos: Repos
    readonly now: () => Date
  }): Briefing =>
  async (job, requester) => {
    const workspace = await store.get('workspaces', job.workspace)
    if (!workspace)
      throw new Error(`Job ${job._id} is on the workspace ${job.workspace}, which is not there.`)
    const conversation = job.conversation && (await store.get('conversations', job.conversation))
    const text = await repos.blob(job.workspace, mainRef, 'CLAUDE.md')
    return briefing({
      now: now(),
      requester: requester?.name ?? 'Somebody',
      ...(conversation && { thread: conversation.address ?? conversation.channel }),
      workspace,
      turns: conversation ? await turnsBefore(conversation._id, job) : [],
      ...(text && text.bytes <= mostRepositoryBytes && { repositoryText: text.content.toString('utf8') }),
    })

    /** All but the message that asks for this very job. */
    async function turnsBefore(id: string, { prompt, createdAt }: Job): Promise<readonly Entry<Turn>[]> {
      const turns: Entry<Turn>[] = []
      while (true) {
        const page = await store.after(`conversation/${id}`, turns.at(-1)?.seq ?? 0)
        if (page.length === 0) break
        turns.push(...page)
      }
      return turns.filter(
        turn =>
          !turn.erased && !(turn.by !== 'bellhop' && turn.at >= createdAt && turn.text.includes(prompt)),
      )
    }
  }
