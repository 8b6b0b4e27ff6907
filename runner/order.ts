import type { Admission } from '../sandbox/gateway.ts'
import type { Plan } from '../sandbox/sandbox.ts'
import type { Job, User } from '../store/records.ts'
import type { Repos } from '../store/repos.ts'
import type { Store } from '../store/store.ts'
import type { Agent } from './agents/agent.ts'
import { branchOf, mainRef } from './finish.ts'

/** What one attempt needs of the gateway and of the box. */
export type Order = (
  job: Job,
  attempt: number,
  agent: Agent,
) => Promise<{ readonly admission: Admission; readonly plan: Plan }>

/** What the agent is told besides its prompt, made anew for each turn. */
export type Briefing = (job: Job, requester: User | undefined) => Promise<string>

/** The entry's own limit stands this far behind the runner's, for the case that the runner is gone. */
const graceSeconds = 60

export const openOrder =
  ({
    store,
    repos,
    briefing,
  }: {
    readonly store: Store
    readonly repos: Repos
    readonly briefing: Briefing
  }): Order =>
  async (job, attempt, agent) => {
    const branch = branchOf(job._id)
    if (attempt > 1)
      await repos.shelve(
        job.workspace,
        `refs/heads/${branch}`,
        `refs/bellhop/attempts/${job._id}/${attempt - 1}`,
      )
    const requester = await store.get('users', job.requester)
    const session = agent.sessionFolder === undefined ? undefined : await sessionBefore(store, job)
    const uploads = await uploadsOf(store, job)
    const start = agent.start({
      job,
      briefing: agent.model ? await briefing(job, requester) : '',
      resumes: session !== undefined,
      uploads: uploads.map(upload => `~/uploads/${upload.name}`),
    })
    return {
      admission: {
        job: job._id,
        attempt,
        grants: {
          repository: job.workspace,
          push: `refs/heads/${branch}`,
          files: [...uploads.map(upload => upload.id), ...(session ? [session] : [])],
          ...(job.budget !== undefined && { budget: Math.max(0, job.budget - job.cost) }),
        },
      },
      plan: {
        job: job._id,
        attempt,
        git: {
          from: mainRef.slice('refs/heads/'.length),
          branch,
          name: requester?.name || 'Bellhop',
          email: `${job.requester}@users.bellhop.invalid`,
          message: commitMessage(job),
        },
        files: start.files,
        uploads,
        ...(agent.sessionFolder !== undefined && {
          session: { folder: agent.sessionFolder, ...(session && { restore: session }) },
        }),
        agent: start.command,
        timeoutSeconds: job.timeoutSeconds + graceSeconds,
      },
    }
  }

/** The session of the job that this one continues, or of the nearest before it that has one. */
const sessionBefore = async (store: Store, job: Job): Promise<string | undefined> => {
  let before = job.continues && (await store.get('jobs', job.continues))
  while (before && !before.session) before = before.continues && (await store.get('jobs', before.continues))
  return before ? before.session : undefined
}

/** Two of the same name are told apart: `notes.txt` and `2-notes.txt`. */
const uploadsOf = async (store: Store, job: Job) => {
  const uploads = new Map<string, { readonly id: string; readonly name: string }>()
  for (const id of job.files) {
    const file = await store.get('files', id)
    if (!file) continue
    let name = file.name
    for (let n = 2; uploads.has(name); n++) name = `${n}-${file.name}`
    uploads.set(name, { id, name })
  }
  return [...uploads.values()]
}

const commitMessage = (job: Job) => {
  const subject = job.prompt.split('\n', 1)[0]?.slice(0, 72).toWellFormed().trim() || 'Work'
  return `${subject}\n\nJob: ${job._id}\n`
}
