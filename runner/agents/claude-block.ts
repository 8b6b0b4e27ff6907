import { z } from 'zod'
import type { AgentEvent } from './agent.ts'

const block = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('thinking'), thinking: z.string() }),
  z.object({ type: z.literal('tool_use'), id: z.string(), name: z.string(), input: z.unknown() }),
  z.object({
    type: z.literal('tool_result'),
    tool_use_id: z.string(),
    content: z.union([z.string(), z.array(z.looseObject({ type: z.string() }))]).optional(),
    is_error: z.boolean().optional(),
  }),
])

const plan = z.object({
  todos: z.array(z.object({ content: z.string(), status: z.enum(['pending', 'in_progress', 'completed']) })),
})

export interface From {
  readonly by: 'assistant' | 'user'
  /** Whether a helper of the agent's says it, whose words are not for the thread. */
  readonly aside: boolean
  /** Calls that wrote the plan down, filled here: their answers say nothing new. */
  readonly plans: Set<string>
}

/** What a block of a message tells: one event, or none. Blocks of an unknown kind are passed over. */
export const blockOf = (given: unknown, { by, aside, plans }: From): readonly AgentEvent[] => {
  const read = block.safeParse(given)
  if (!read.success) return []
  const { data } = read
  switch (data.type) {
    case 'text':
      if (by === 'user' || data.text === '') return []
      return [{ type: aside ? 'thought' : 'said', text: data.text }]
    case 'thinking':
      return data.thinking === '' ? [] : [{ type: 'thought', text: data.thinking }]
    case 'tool_use': {
      const todos = data.name === 'TodoWrite' ? plan.safeParse(data.input) : undefined
      if (!todos?.success) return [{ type: 'used', call: data.id, tool: data.name, input: data.input }]
      plans.add(data.id)
      const items = todos.data.todos.map(({ content, status }) => ({ text: content, state: status }))
      return aside ? [] : [{ type: 'planned', items }]
    }
    case 'tool_result':
      if (plans.delete(data.tool_use_id)) return []
      return [
        {
          type: 'returned',
          call: data.tool_use_id,
          ok: data.is_error !== true,
          text: textOf(data.content ?? ''),
        },
      ]
    default:
      return data satisfies never
  }
}

const textOf = (content: string | readonly { readonly type: string; readonly text?: unknown }[]): string =>
  typeof content === 'string'
    ? content
    : content
        .map(part => (part.type === 'text' && typeof part.text === 'string' ? part.text : `[${part.type}]`))
        .join('\n')
