import type { AgentCommand } from '../../sandbox/sandbox.ts'
import type { Event } from '../../store/events.ts'
import type { Job } from '../../store/records.ts'

/** The engine that turns a prompt into events: how to start it in a box, and how to read what it prints. */
export interface Agent {
  readonly name: string
  /** Whether it talks to a model, so that a box for it needs the model route. */
  readonly model: boolean
  /** Where below its home the agent keeps the session that a later job can continue, if it has such a thing. */
  readonly sessionFolder?: string
  start(task: Task): Start
  /** A fresh reader of one run's output. */
  read(): Reader
  /** The line on standard input that asks it to stop by itself, where it has one. */
  readonly interrupt?: string
}

export interface Task {
  readonly job: Job
  /** What the agent is told besides the prompt: made anew for each turn. */
  readonly briefing: string
  /** Whether the session of the job that this one continues lies in the box. */
  readonly resumes: boolean
  /** Uploads in the box, by path. */
  readonly uploads: readonly string[]
}

export interface Start {
  readonly files: Readonly<Record<string, string>>
  readonly command: AgentCommand
}

/** What its output says is hearsay: none of these events may change a job's state or cost. */
export type AgentEvent = Extract<
  Event,
  { readonly type: 'planned' | 'said' | 'thought' | 'used' | 'returned' | 'noted' }
>

export interface Reader {
  /** Events in a piece of output, which may hold half a line or many. Never throws. */
  read(stream: 'out' | 'err', text: string): readonly AgentEvent[]
  /** What is left when the run is over, and the agent's last word for the thread, if it had one. */
  end(): { readonly events: readonly AgentEvent[]; readonly summary?: string; readonly failed?: string }
  /** True once the agent has said its last word and its standard input may be closed. */
  readonly done: boolean
}

/** The sentence for a job whose agent is none of those that a runner has. */
export const noAgent = (agent: string, there: readonly string[]): string =>
  `No runner here has the agent "${agent}"; there are: ${there.join(', ')}.${agent === 'claude' ? ' An admin installs it on the runner’s host by `npm install -g @anthropic-ai/claude-code` and starts Bellhop again.' : ''}`
