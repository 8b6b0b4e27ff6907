/** Seconds as a person reads them, in steps that get coarser, so that a message that shows them changes rarely. */
export const elapsed = (seconds: number): string => {
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds / 5) * 5)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor((seconds % 60) / 15) * 15} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}

/** Seconds of something that is over, to the second. */
export const took = (seconds: number): string => {
  if (seconds < 60) return `${Math.round(seconds * 10) / 10} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}

/** Micro-dollars as dollars: cents, or a tenth of one where it is less than a cent. */
export const money = (cost: number): string => {
  const dollars = cost / 1_000_000
  return dollars > 0 && dollars < 0.01 ? `$${dollars.toFixed(4)}` : `$${dollars.toFixed(2)}`
}

export const plural = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`

/** Text in a code fence that the text itself cannot close. */
export const fenced = (text: string): string => {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${text.replace(/\n+$/, '')}\n${fence}`
}
