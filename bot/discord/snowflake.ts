/** Discord's ids hold their time: milliseconds since 2015 above the lowest 22 bits. */
const epochMs = 1_420_070_400_000

/** When the id was made, ISO. */
export const timeOf = (id: string): string => new Date(Number(BigInt(id) >> 22n) + epochMs).toISOString()

/** The smallest id of a time, in milliseconds. */
export const idAt = (ms: number): string => String(BigInt(Math.max(0, ms - epochMs)) << 22n)

/** The later of two ids. */
export const later = (a: string, b: string): string => (BigInt(a) > BigInt(b) ? a : b)
