import { constants } from 'node:os'
import { join } from 'node:path'
import type { entryFailed } from '../sandbox.ts'
import type { AgentEnd, RunningAgent } from './agent.ts'
import { startAgent } from './agent.ts'
import { commandFor, writeFiles } from './expand.ts'
import { openFiles } from './files.ts'
import { openForward } from './forward.ts'
import type { Frame } from './frames.ts'
import { mark } from './frames.ts'
import { identity, openGit } from './git.ts'
import type { HostLines } from './lines.ts'
import { killAll, marked } from './marked.ts'
import type { Reporter } from './report.ts'

/** As much of an error's message as is reported: 2,000 characters, which fit in a line. */
const mostWhy = 2000
const failed: typeof entryFailed = 125
/** A plan that has not come after this long will not: 60 s. The box counts as lost then, and its job is tried again. */
const planMs = 60_000

/**
 * Carries out a plan: session, uploads and clone in, the agent, its work out by commit and push, session and produced files
 * out. The work is saved however the agent ended. Gives the exit code for the box: the agent's own, 128 and its number for
 * a signal, 125 when a step of the entry's own failed, which is reported with its name.
 */
export const carry = async (host: HostLines, report: Reporter): Promise<number> => {
  let agent: RunningAgent | undefined
  let sweep = () => {}
  host.ended.then(() => {
    agent?.kill()
    sweep()
    process.exit(failed)
  })
  // A server that ended before it had told the plan may have left the input open.
  const late = setTimeout(() => process.exit(failed), planMs)
  const { plan, paths, env } = await host.start
  clearTimeout(late)
  sweep = () => killAll(() => marked(env[mark] ?? ''))

  const early = new AbortController()
  const waiting: Frame[] = []
  host.handle(frame => {
    if (agent) return agent.take(frame)
    waiting.push(frame)
    if (frame.frame === 'signal') early.abort(frame.signal)
  })

  let doing = 'reach its gateway'
  try {
    const { url } = await openForward(join(paths.gateway, 'gateway.sock'))
    const files = openFiles(url, env)
    const git = openGit({
      plan: plan.git,
      workspace: paths.workspace,
      remote: `${url}/git/workspace.git`,
      env,
    })
    const session = plan.session && join(paths.home, plan.session.folder)
    if (session && plan.session?.restore !== undefined) {
      doing = 'restore the session'
      await files.restore(plan.session.restore, session)
    }
    for (const upload of plan.uploads) {
      doing = `fetch the upload ${upload.name}`
      await files.fetch(upload, join(paths.home, 'uploads'))
    }
    doing = 'clone the workspace'
    const base = await git.clone(early.signal)
    report({ report: 'cloned', commit: base })
    doing = 'write its files'
    await writeFiles(plan.files, paths)
    early.signal.throwIfAborted()
    doing = 'start the agent'
    const command = commandFor(plan.agent, paths)
    agent = await startAgent({
      command,
      cwd: paths.workspace,
      env: { ...env, ...identity(plan.git), ...command.env },
      timeoutSeconds: plan.timeoutSeconds,
      report,
      sweep,
    })
    waiting.forEach(agent.take)
    const end = await agent.over
    report({ report: 'exited', ...end })

    doing = 'save the work'
    const left = (why: string) => report.output('err', `${why}\n`)
    const commit = await git.commit(base, left)
    if (commit !== base) {
      report({ report: 'committed', commit })
      doing = 'push the work'
      await git.push()
      report({ report: 'pushed', commit })
    }
    if (session)
      await files.keep(session).catch((error: Error) => left(`The session was not kept: ${error.message}`))
    await files.produce(join(paths.home, 'outbox'), left)
    return codeOf(end)
  } catch (error) {
    if (!agent && early.signal.aborted) {
      const end = { signal: early.signal.reason as NodeJS.Signals }
      report({ report: 'exited', ...end })
      return codeOf(end)
    }
    const why = error instanceof Error ? error.message : String(error)
    report({ report: 'failed', step: doing, why: why.slice(0, mostWhy) })
    return failed
  } finally {
    sweep()
  }
}

const codeOf = ({ code, signal }: AgentEnd) => code ?? 128 + (signal ? constants.signals[signal] : 0)
