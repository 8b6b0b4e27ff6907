import type { Usage } from '../gateway.ts'

/** Micro-dollars for a million tokens. */
export interface Price {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  /** What the whole call costs instead when its prompt is longer than `above` tokens, the cached ones counted in. */
  readonly long?: { readonly above: number; readonly price: Price }
}

/** Dollars, as the vendor lists them. Reading the cache costs a tenth of the input where the list says nothing else. */
const dollars = (input: number, output: number, cacheRead = input / 10): Price => ({
  input: input * 1_000_000,
  output: output * 1_000_000,
  cacheRead: cacheRead * 1_000_000,
})

/** The vendor's price list (platform.claude.com) of November 2026, by how a model's name begins; the longest that fits counts. */
export const prices: Readonly<Record<string, Price>> = {
  'claude-fable': dollars(10, 50),
  'claude-fable-5-1': dollars(10, 50, 0.25),
  'claude-mythos': dollars(10, 50),
  'claude-mythos-5-1': dollars(10, 50, 0.25),
  'claude-opus': dollars(5, 25),
  'claude-opus-5-5': dollars(4, 20, 0.2),
  'claude-opus-4-1': dollars(15, 75),
  'claude-sonnet': dollars(3, 15),
  'claude-sonnet-5': dollars(2, 10),
  'claude-sonnet-5-5': dollars(2, 10, 0.1),
  'claude-haiku': dollars(1, 5),
  'claude-haiku-5-5': { ...dollars(0.1, 0.5), long: { above: 100_000, price: dollars(0.5, 2.5) } },
}

/** A model that is not in the list is counted like the dearest current one, so that a budget holds. */
const unknown = dollars(10, 50)

/** Of the input's price: what is written to the cache for five minutes costs a quarter more, for an hour the double. */
const cacheWrite5m = 1.25
const cacheWrite1h = 2

export interface Counted {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite5m: number
  readonly cacheWrite1h: number
}

/** The tokens and the cost of one call, in whole micro-dollars, rounded up. */
export const usageOf = (
  model: string,
  counted: Counted,
  list: Readonly<Record<string, Price>> = prices,
): Usage => {
  const { input, output, cacheRead } = counted
  const cacheWrite = counted.cacheWrite5m + counted.cacheWrite1h
  const listed = priceOf(model, list)
  const price = listed.long && input + cacheRead + cacheWrite > listed.long.above ? listed.long.price : listed
  const paid = input + counted.cacheWrite5m * cacheWrite5m + counted.cacheWrite1h * cacheWrite1h
  const cost = paid * price.input + cacheRead * price.cacheRead + output * price.output
  return { model, tokens: { input, output, cacheRead, cacheWrite }, cost: Math.ceil(cost / 1_000_000) }
}

const priceOf = (model: string, list: Readonly<Record<string, Price>>): Price => {
  const fitting = Object.entries(list).filter(([name]) => model.startsWith(name))
  return fitting.toSorted(([a], [b]) => b.length - a.length)[0]?.[1] ?? unknown
}
