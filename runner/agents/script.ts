import type { Agent, AgentEvent, Reader } from './agent.ts'

/**
 * A scripted agent: it emits the events that a model-driven one does, and needs no model. The prompt is the script, a step
 * a line: `say words`, `think words`, `plan first; second`, `run command`, `wait seconds`, `exit code`. A prompt without a
 * step is answered by a short play of its own, for the demo.
 */
export const openScript = (): Agent => ({
  name: 'script',
  model: false,
  start: ({ job }) => ({
    files: { '{home}/script.sh': shell(stepsOf(job.prompt)) },
    command: { argv: ['/bin/sh', '{home}/script.sh'], env: {}, input: [], keepOpen: false },
  }),
  read: openReader,
})

interface Step {
  readonly verb: string
  readonly rest: string
}

const stepLine = /^\s*(say|think|plan|run|wait|exit)\s+(.*)$/

const stepsOf = (prompt: string): readonly Step[] => {
  const steps = prompt.split('\n').flatMap(line => {
    const match = stepLine.exec(line)
    return match?.[1] && match[2] !== undefined ? [{ verb: match[1], rest: match[2] }] : []
  })
  return steps.length > 0 ? steps : play(prompt)
}

const play = (prompt: string): readonly Step[] => [
  { verb: 'plan', rest: 'Look around; Write the file; Report' },
  {
    verb: 'say',
    rest: `No model is at work here: a script plays the agent. I was asked: ${prompt.replaceAll('\n', ' ')}`,
  },
  { verb: 'run', rest: 'ls -a && git log --oneline | head -3' },
  { verb: 'run', rest: `printf '%s\\n' ${quote(`# Asked\n\n${prompt}`)} > ASKED.md && cat ASKED.md` },
  { verb: 'say', rest: 'Done: what was asked now stands in ASKED.md.' },
]

/** Marks a line as ours. The agent's commands could print it too, which fools nobody but their own thread. */
const mark = '\u001e'

const shell = (steps: readonly Step[]) =>
  steps
    .map(({ verb, rest }, n) => {
      if (verb === 'run')
        return [
          emit(`used ${n} ${rest}`),
          `( ${rest}\n) 2>&1`,
          `printf '\\n${mark}returned ${n} %s\\n' "$?"`,
        ].join('\n')
      if (verb === 'wait') return `sleep ${Number(rest) || 1}`
      if (verb === 'exit') return `exit ${Number(rest) || 0}`
      return emit(`${verb} ${rest}`)
    })
    .join('\n')

const emit = (line: string) => `printf '%s\\n' ${quote(mark + line)}`
const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

const openReader = (): Reader => {
  let rest = ''
  let printed = ''
  let last: string | undefined
  const line = (text: string): readonly AgentEvent[] => {
    if (!text.startsWith(mark)) {
      printed += `${text}\n`
      return []
    }
    const [, verb = '', words = ''] = /^(\w+) ?(.*)$/s.exec(text.slice(mark.length)) ?? []
    const [call = '', detail = ''] = splitOnce(words)
    switch (verb) {
      case 'say':
        last = words
        return [{ type: 'said', text: words }]
      case 'think':
        return [{ type: 'thought', text: words }]
      case 'plan':
        return [
          { type: 'planned', items: words.split(';').map(item => ({ text: item.trim(), state: 'pending' })) },
        ]
      case 'used':
        printed = ''
        return [{ type: 'used', call, tool: 'Bash', input: { command: detail } }]
      case 'returned':
        return [{ type: 'returned', call, ok: detail === '0', text: printed.trim() }]
      default:
        return []
    }
  }
  return {
    read: (_stream, text) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      return lines.flatMap(line)
    },
    end: () => ({ events: rest === '' ? [] : line(rest), ...(last !== undefined && { summary: last }) }),
    done: false,
  }
}

const splitOnce = (text: string): readonly [string, string] => {
  const space = text.indexOf(' ')
  return space === -1 ? [text, ''] : [text.slice(0, space), text.slice(space + 1)]
}
