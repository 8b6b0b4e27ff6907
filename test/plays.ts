import type { Answer, Anthropic, Asked } from './anthropic.ts'
import { openAnthropic, says } from './anthropic.ts'

/** What a step of a play answers, made when it is asked for. */
export type Step = Answer | ((asked: Asked) => Answer)

/** A stand-in model that has learnt by heart what to answer to which prompt. */
export interface Players extends Anthropic {
  /** Answers the nth call of a turn that was opened by this prompt with the nth of these. */
  learn(prompt: string, ...steps: readonly Step[]): void
  /** The calls of the turns that were opened by this prompt, in order. */
  callsOf(prompt: string): readonly Asked[]
}

export const openPlayers = async (): Promise<Players> => {
  const plays = new Map<string, readonly Step[]>()
  const script = (asked: Asked): Answer => {
    const { prompt, answered } = turnOf(asked, [...plays.keys()])
    const step = (prompt !== undefined && plays.get(prompt)?.[answered]) || says('That is all I know.')
    return typeof step === 'function' ? step(asked) : step
  }
  const anthropic = await openAnthropic({ script })
  return {
    ...anthropic,
    learn: (prompt, ...steps) => void plays.set(prompt, steps),
    callsOf: prompt => anthropic.requests.filter(asked => turnOf(asked, [...plays.keys()]).prompt === prompt),
  }
}

/** The system prompt of a call, as one text. */
export const systemOf = ({ body }: Asked): string => textOf(body.system)

/** All that is said in a call's messages, tool calls and results included, as one text. */
export const messagesOf = ({ body }: Asked): string => JSON.stringify(body.messages)

/** The newest message of the person that is a known prompt, and how often the model has spoken since. */
const turnOf = ({ body }: Asked, prompts: readonly string[]) => {
  const messages = body.messages as readonly { readonly role: string; readonly content: unknown }[]
  let answered = 0
  for (const { role, content } of messages.toReversed()) {
    if (role === 'assistant') answered++
    const prompt = role === 'user' ? prompts.find(prompt => textsOf(content).includes(prompt)) : undefined
    if (prompt !== undefined) return { prompt, answered }
  }
  return { prompt: undefined, answered }
}

const textOf = (content: unknown) => textsOf(content).join('\n')

const textsOf = (content: unknown): readonly string[] => {
  if (!Array.isArray(content)) return [String(content)]
  return content.flatMap(block => (typeof block?.text === 'string' ? [block.text] : []))
}
