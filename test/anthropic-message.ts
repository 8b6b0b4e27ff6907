/** A block of what the model says. */
export type Block =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'thinking'; readonly thinking: string }
  | { readonly type: 'tool_use'; readonly name: string; readonly input: Readonly<Record<string, unknown>> }

/** The nth message, whole, as the API gives it where no stream was asked for. */
export const messageOf = (
  model: string,
  n: number,
  content: readonly Block[],
  usage: Readonly<Record<string, unknown>> = {},
) => ({
  id: `msg_${n}`,
  type: 'message',
  role: 'assistant',
  model,
  content: content.map((block, i) => {
    if (block.type === 'tool_use') return { ...block, id: `toolu_${n}_${i}` }
    return block.type === 'thinking' ? { ...block, signature } : block
  }),
  stop_reason: content.some(block => block.type === 'tool_use') ? 'tool_use' : 'end_turn',
  stop_sequence: null,
  usage: {
    input_tokens: 1000,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: 50,
    ...usage,
  },
})

/** What stands for the API's seal on a thought. */
const signature = 'c2lnbmVk'

type Message = ReturnType<typeof messageOf>

/** A message as the events of the API's stream, each as it goes over the wire; the usage grows as the real one does. */
export const sse = (message: Message): readonly string[] => {
  const { stop_reason, stop_sequence, usage, ...begun } = message
  return [
    event('message_start', {
      message: {
        ...begun,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { ...usage, output_tokens: 1 },
      },
    }),
    event('ping', {}),
    ...message.content.flatMap((block, index) => [
      event('content_block_start', { index, content_block: empty(block) }),
      ...deltas(block).map(delta => event('content_block_delta', { index, delta })),
      event('content_block_stop', { index }),
    ]),
    event('message_delta', {
      delta: { stop_reason, stop_sequence },
      usage: { output_tokens: usage.output_tokens },
    }),
    event('message_stop', {}),
  ]
}

type Sent = Message['content'][number]

const event = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`

const empty = (block: Sent) => {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: '' }
    case 'thinking':
      return { type: 'thinking', thinking: '', signature: '' }
    case 'tool_use':
      return { ...block, input: {} }
    default:
      return block satisfies never
  }
}

const deltas = (block: Sent): readonly object[] => {
  switch (block.type) {
    case 'text':
      return halves(block.text).map(text => ({ type: 'text_delta', text }))
    case 'thinking':
      return [
        { type: 'thinking_delta', thinking: block.thinking },
        { type: 'signature_delta', signature },
      ]
    case 'tool_use':
      return halves(JSON.stringify(block.input)).map(partial_json => ({
        type: 'input_json_delta',
        partial_json,
      }))
    default:
      return block satisfies never
  }
}

const halves = (text: string) => [
  text.slice(0, Math.ceil(text.length / 2)),
  text.slice(Math.ceil(text.length / 2)),
]
