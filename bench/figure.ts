/** One measured number beside the floor under it: the raw thing that nothing built on it can beat, measured in the same run. */
export interface Figure {
  readonly figure: string
  readonly value: number
  readonly unit: 'ms' | 'MB' | 'jobs/s'
  readonly floor: number
  /** How many times it was measured. */
  readonly n: number
  readonly notes: string
}

/** The JSON line of a figure: numbers to two places, `ratio` is value over floor. */
export const line = ({ figure, value, unit, floor, n, notes }: Figure): string =>
  JSON.stringify({
    figure,
    value: short(value),
    unit,
    floor: short(floor),
    ratio: short(value / floor),
    n,
    notes,
  })

/** The value that `share` (0 to 1) of the samples do not exceed. */
export const quantile = (samples: readonly number[], share: number): number => {
  const sorted = samples.toSorted((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]
  if (value === undefined) throw new Error('There is no quantile of no samples.')
  return value
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5)

/** A number as the notes write it: at most two places. */
export const short = (value: number): number => Math.round(value * 100) / 100
