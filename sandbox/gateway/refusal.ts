import type { Doors } from '../gateway.ts'

/** The routes that a gateway has, by the name that the log gives them. */
export type RouteName = Parameters<Doors['refused']>[1]['route']

/** How a route refuses: an HTTP status, what was asked, and a sentence that the agent, and its people, can read. */
export class Refused extends Error {
  override name = 'Refused'
  readonly status: number
  readonly what: string
  constructor(status: number, what: string, why: string) {
    super(why)
    this.status = status
    this.what = what
  }
}

/** Refusals past this many in one attempt are not told: a loop in a box must not fill the log. */
const mostRefusals = 50
/** What was asked comes from the box and may be of any length; this much of it is told. */
const longestWhat = 200

/** Tells an attempt's refusals, each once and up to 50 of them, and then once that more were left out. */
export const openRefusals = (tell: (refusal: Parameters<Doors['refused']>[1]) => Promise<void>) => {
  let told = 0
  return async (route: RouteName, what: string, why: string): Promise<void> => {
    told += 1
    if (told <= mostRefusals) await tell({ route, what: what.slice(0, longestWhat).toWellFormed(), why })
    else if (told === mostRefusals + 1)
      await tell({ route, what: 'more', why: 'Further refusals of this attempt are left out.' })
  }
}
