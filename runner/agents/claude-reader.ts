import { z } from 'zod'
import type { AgentEvent, Reader } from './agent.ts'
import { blockOf } from './claude-block.ts'

/** A line of the stream as far as it is read; everything else in it may change with any release. */
const line = z.discriminatedUnion('type', [
  z.object({
    type: z.enum(['assistant', 'user']),
    message: z.object({ content: z.union([z.array(z.unknown()), z.string()]) }),
    parent_tool_use_id: z.string().nullish(),
    is_api_error_message: z.boolean().optional(),
  }),
  z.object({
    type: z.literal('system'),
    subtype: z.string(),
    attempt: z.number().optional(),
    max_retries: z.number().optional(),
    error_status: z.number().nullish(),
  }),
  z.object({
    type: z.literal('result'),
    subtype: z.string(),
    is_error: z.boolean(),
    result: z.string().optional(),
  }),
])
type Line = z.infer<typeof line>
type Result = Extract<Line, { readonly type: 'result' }>

/** Lines that are none of the stream's are noted this often, and each to this length. */
const mostJunk = 20
const longestJunk = 500
/** As much of its complaints as is kept: 2 KB. */
const keptComplaint = 2000

/**
 * Reads what Claude Code prints, line by line: what it does not know it passes over, what is no line of the stream it notes.
 * It is done with the first result, for a process carries one turn.
 */
export const openClaudeReader = (): Reader => {
  let rest = ''
  let complaint = ''
  let junk = 0
  let result: Result | undefined
  const plans = new Set<string>()

  const eventsOf = (text: string): readonly AgentEvent[] => {
    const json = parse(text)
    if (json === undefined)
      return text.trim() === '' || ++junk > mostJunk ? [] : [noted('info', text.slice(0, longestJunk))]
    const read = line.safeParse(json)
    if (!read.success) return []
    const { data } = read
    switch (data.type) {
      case 'assistant':
      case 'user': {
        const { content } = data.message
        // An error of the API comes again as the result.
        if (data.is_api_error_message || typeof content === 'string') return []
        const from = { by: data.type, aside: Boolean(data.parent_tool_use_id), plans }
        return content.flatMap(block => blockOf(block, from))
      }
      case 'system':
        return data.subtype === 'api_retry' ? [noted('warn', retry(data))] : []
      case 'result':
        result = data
        return []
      default:
        return data satisfies never
    }
  }

  return {
    read: (stream, text) => {
      if (stream === 'err') {
        complaint = (complaint + text).slice(-keptComplaint)
        return []
      }
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      return lines.flatMap(eventsOf)
    },
    end: () => {
      const events = eventsOf(rest)
      const failed = failure(result, complaint.trim().toWellFormed())
      if (failed !== '') return { events, failed }
      return { events, ...(result?.result && { summary: result.result }) }
    },
    get done() {
      return result !== undefined
    },
  }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const noted = (level: 'info' | 'warn', text: string): AgentEvent => ({
  type: 'noted',
  level,
  text: text.toWellFormed(),
})

const retry = ({ attempt, max_retries, error_status }: Extract<Line, { readonly type: 'system' }>) =>
  `The model API ${error_status ? `answered ${error_status}` : 'did not answer'}; it is asked again (${attempt} of ${max_retries}).`

/** Why it failed, '' if it did not say so. What the gateway refuses is a whole sentence already. */
const failure = (result: Result | undefined, complaint: string): string => {
  if (!result) return complaint
  if (!result.is_error) return ''
  const [, status, said] = /^API Error: (\d{3}) (.*)$/s.exec(result.result ?? '') ?? []
  if (said) return status === '402' || status === '403' ? said : `The model API answered ${status}: ${said}`
  if (result.result) return result.result
  if (result.subtype === 'error_max_turns') return 'Claude Code used up its turns before it was done.'
  return complaint || 'Claude Code broke off before it was done.'
}
