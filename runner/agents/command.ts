import type { Agent, AgentEvent } from './agent.ts'

/** The prompt goes into a file: on the command line, what looks like a path of the plan would be filled in. */
const scriptFile = '{home}/command.sh'

/** Runs the prompt as a shell command, `/hop sh …`: what it prints is what it says. */
export const openCommand = (): Agent => ({
  name: 'command',
  model: false,
  start: ({ job }) => ({
    files: { [scriptFile]: job.prompt },
    command: { argv: ['/bin/sh', scriptFile], env: {}, input: [], keepOpen: false },
  }),
  read: () => ({
    read: (_stream, text): readonly AgentEvent[] => (text === '' ? [] : [{ type: 'said', text }]),
    end: () => ({ events: [] }),
    done: false,
  }),
})
