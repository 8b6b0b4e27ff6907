/** By name, as those who throw them live in rooms that do not know each other. */
const names: readonly string[] = ['Unreachable', 'OwnerAway', 'NoGateway']

/**
 * Whether an error says that a part on another host does not answer: the database, the owner of the repositories or the
 * gateway. What was asked is worth asking again, for as long as it takes. Looks through what wraps the error, Bolt's
 * `original` too.
 */
export const isAway = (error: unknown): boolean => find(error, names)

/** The same of the database alone. */
export const isUnreachable = (error: unknown): boolean => find(error, ['Unreachable'])

const find = (error: unknown, wanted: readonly string[]): boolean => {
  if (!(error instanceof Error)) return false
  const { original } = error as { readonly original?: unknown }
  return wanted.includes(error.name) || find(error.cause, wanted) || find(original, wanted)
}
