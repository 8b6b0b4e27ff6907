import type { Agent, AgentEvent } from './agent.ts'

/** Runs the prompt as a shell command, `/hop sh …`: what it prints is what it says. */
export const openCommand = (): Agent => ({
  name: 'command',
  model: false,
  start: ({ job }) => ({
    files: {},
    command: { argv: ['/bin/sh', '-c', job.prompt], env: {}, input: [], keepOpen: false },
  }),
  read: () => ({
    read: (_stream, text): readonly AgentEvent[] => (text === '' ? [] : [{ type: 'said', text }]),
    end: () => ({ events: [] }),
    done: false,
  }),
})
