/**
 * Seconds as a person reads them, in steps that get coarser, so that a message that shows them changes rarely: of 5 seconds
 * in the first minute, 15 until ten, then minutes, then hours after two days.
 */
export const elapsed = (seconds: number): string => {
  const step = seconds < 60 ? 5 : seconds < 600 ? 15 : seconds < 2 * day ? 60 : 3600
  return took(Math.max(0, Math.floor(seconds / step) * step))
}

/** Seconds of something that is over. */
export const took = (seconds: number): string => {
  const units = [
    [Math.floor(seconds / day), 'd'],
    [Math.floor((seconds % day) / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'min'],
    [seconds < 10 ? Math.round((seconds % 60) * 10) / 10 : Math.floor(seconds % 60), 's'],
  ] as const
  const largest = units.findIndex(([n]) => n > 0)
  if (largest === -1) return '0 s'
  return units
    .slice(largest, largest + 2)
    .flatMap(([n, unit]) => (n > 0 ? [`${n} ${unit}`] : []))
    .join(' ')
}

const day = 86_400

/** Micro-dollars as dollars: cents, or a hundredth of one where it is less than a cent. */
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
