import type { Usage } from '../gateway.ts'

/** Micro-dollars for a million tokens. */
export interface Price {
  readonly input: number
  readonly output: number
}

const dollars = (input: number, output: number): Price => ({
  input: input * 1_000_000,
  output: output * 1_000_000,
})

/** The vendor's price list as of November 2026, by the beginning of a model's name; the longest that fits counts. */
export const prices: Readonly<Record<string, Price>> = {
  'claude-opus': dollars(5, 25),
  'claude-opus-4-0': dollars(15, 75),
  'claude-opus-4-1': dollars(15, 75),
  'claude-3-opus': dollars(15, 75),
  'claude-sonnet': dollars(3, 15),
  'claude-3-7-sonnet': dollars(3, 15),
  'claude-3-5-sonnet': dollars(3, 15),
  'claude-haiku': dollars(1, 5),
  'claude-3-5-haiku': dollars(0.8, 4),
}

/** A model that is not in the list is counted as the dearest of the current ones, so that a budget holds. */
const unknown = dollars(5, 25)

/** Of the input's price: reading the cache costs a tenth, writing it for five minutes a quarter more, for an hour double. */
const cacheRead = 0.1
const cacheWrite5m = 1.25
const cacheWrite1h = 2

export interface Counted {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite5m: number
  readonly cacheWrite1h: number
}

/** The cost of one call in whole micro-dollars, rounded up. */
export const usageOf = (
  model: string,
  counted: Counted,
  list: Readonly<Record<string, Price>> = prices,
): Usage => {
  const [name] = Object.keys(list)
    .filter(prefix => model.startsWith(prefix))
    .toSorted((a, b) => b.length - a.length)
  const price = (name !== undefined && list[name]) || unknown
  const input =
    counted.input +
    counted.cacheRead * cacheRead +
    counted.cacheWrite5m * cacheWrite5m +
    counted.cacheWrite1h * cacheWrite1h
  return {
    model,
    tokens: {
      input: counted.input,
      output: counted.output,
      cacheRead: counted.cacheRead,
      cacheWrite: counted.cacheWrite5m + counted.cacheWrite1h,
    },
    cost: Math.ceil((input * price.input + counted.output * price.output) / 1_000_000),
  }
}
