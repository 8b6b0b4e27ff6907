import { z } from 'zod'
import type { AgentEvent, Reader } from './agent.ts'

const block = z.union([
  z.looseObject({ type: z.literal('text'), text: z.string() }),
  z.looseObject({ type: z.literal('thinking'), thinking: z.string() }),
  z.looseObject({ type: z.literal('tool_use'), id: z.string(), name: z.string(), input: z.unknown() }),
  z.looseObject({
    type: z.literal('tool_result'),
    tool_use_id: z.string(),
    is_error: z.boolean().optional(),
    content: z.unknown(),
  }),
])
const line = z.union([
  z.looseObject({
    type: z.enum(['assistant', 'user']),
    isReplay: z.boolean().optional(),
    message: z.looseObject({ content: z.unknown() }),
  }),
  z.looseObject({
    type: z.literal('result'),
    subtype: z.string(),
    is_error: z.boolean().optional(),
    result: z.string().optional(),
    errors: z.array(z.string()).optional(),
  }),
  z.looseObject({
    type: z.literal('system'),
    subtype: z.string(),
    attempt: z.number().optional(),
    error: z.unknown().optional(),
  }),
])
const todos = z.object({
  todos: z.array(z.object({ content: z.string(), status: z.enum(['pending', 'in_progress', 'completed']) })),
})
const textBlock = z.looseObject({ type: z.literal('text'), text: z.string() })

/** Lines that the CLI did not mean for us are told this often, then left out. */
const mostOddLines = 20
const longestLine = 16 * 1024 * 1024

/**
 * Reads Claude Code's stream-json. What it does not know it passes over, what is no JSON it notes: the lines come out of a
 * box, where anything may write them.
 */
export const openClaudeReader = (): Reader => {
  let rest = ''
  let errors = ''
  let odd = 0
  let summary: string | undefined
  let failed: string | undefined
  let done = false

  const oddLine = (text: string): readonly AgentEvent[] =>
    ++odd > mostOddLines || text.trim() === ''
      ? []
      : [{ type: 'noted', level: 'info', text: text.slice(0, 500).toWellFormed() }]

  const readLine = (text: string): readonly AgentEvent[] => {
    let parsed: unknown
    try {
      parsed = JSON.parse(text)
    } catch {
      return oddLine(text)
    }
    const read = line.safeParse(parsed)
    if (!read.success) return []
    const { data } = read
    if (data.type === 'system') return data.subtype === 'api_retry' ? [retryNote(data.attempt)] : []
    if (data.type === 'result') {
      done = true
      summary = data.result ?? summary
      if (data.is_error || data.subtype !== 'success')
        failed = complaint(data.subtype, data.result, data.errors)
      return []
    }
    if (data.isReplay) return []
    const content = Array.isArray(data.message.content) ? data.message.content : []
    return content.flatMap(one => {
      const found = block.safeParse(one)
      return found.success ? eventsOf(found.data, data.type === 'assistant') : []
    })
  }

  const eventsOf = (found: z.infer<typeof block>, own: boolean): readonly AgentEvent[] => {
    switch (found.type) {
      case 'text':
        if (!own) return []
        summary = found.text
        return [{ type: 'said', text: found.text }]
      case 'thinking':
        return [{ type: 'thought', text: found.thinking }]
      case 'tool_use': {
        const plan = found.name === 'TodoWrite' ? todos.safeParse(found.input) : undefined
        if (plan?.success)
          return [
            {
              type: 'planned',
              items: plan.data.todos.map(({ content, status }) => ({ text: content, state: status })),
            },
          ]
        return [{ type: 'used', call: found.id, tool: found.name, input: found.input }]
      }
      case 'tool_result':
        return [
          {
            type: 'returned',
            call: found.tool_use_id,
            ok: found.is_error !== true,
            text: textOf(found.content),
          },
        ]
      default:
        found satisfies never
        return []
    }
  }

  return {
    read: (stream, text) => {
      if (stream === 'err') {
        errors = (errors + text).slice(-2000)
        return []
      }
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > longestLine) rest = ''
      return lines.flatMap(readLine)
    },
    end: () => {
      const events = rest.trim() === '' ? [] : [...readLine(rest)]
      if (!done && errors.trim() !== '') failed = errors.trim().toWellFormed()
      return { events, ...(summary !== undefined && { summary }), ...(failed !== undefined && { failed }) }
    },
    get done() {
      return done
    },
  }
}

const retryNote = (attempt: number | undefined): AgentEvent => ({
  type: 'noted',
  level: 'info',
  text: `The model API did not answer; asking again${attempt ? ` (${attempt})` : ''}.`,
})

/** Failures of the API arrive as a success with `is_error`, whose result is the sentence. */
const complaint = (
  subtype: string,
  result: string | undefined,
  errors: readonly string[] | undefined,
): string => {
  if (result) return result
  if (subtype === 'error_max_turns') return 'The agent used up its turns before it was done.'
  if (subtype === 'error_max_budget_usd') return 'The agent used up its budget before it was done.'
  return errors?.[0] ?? 'The agent broke off before it was done.'
}

const textOf = (content: unknown): string => {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.flatMap(part => textBlock.safeParse(part).data?.text ?? []).join('\n')
}
