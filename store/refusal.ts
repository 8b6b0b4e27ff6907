import type { Push } from './push.ts'
import type { GitRights } from './repos.ts'

/** Why each ref of a push is refused; empty when all of the push is allowed. */
type Refusals = ReadonlyMap<string, string>

/** Judges a push as a whole: when one ref is refused, none moves. */
export const judge = (push: Push, mayPush: NonNullable<GitRights['push']>): Refusals => {
  const whys = push.commands.map(({ ref, deletes }) => {
    const why = deletes
      ? 'A push cannot delete here.'
      : outside(ref)
        ? 'Only branches and tags can be pushed.'
        : mayPush(ref)
    return [ref, why] as const
  })
  if (whys.every(([, why]) => why === undefined)) return new Map()
  return new Map(whys.map(([ref, why]) => [ref, why ?? 'Not moved, because another ref was refused.']))
}

/** Refs beside branches and tags are the house's own. */
const outside = (ref: string) => !/^refs\/(heads|tags)\/./.test(ref)

/** The answer that makes `git push` print each ref with its sentence, as git's report-status says it. */
export const report = (refusals: Refusals, capabilities: readonly string[]): Buffer => {
  const lines = [...refusals].map(([ref, why]) => packet(`ng ${ref} ${why.replaceAll(/\s+/g, ' ')}\n`))
  const status = Buffer.concat([packet('unpack ok\n'), ...lines, flush])
  if (!capabilities.includes('side-band-64k')) return status
  const bands: Buffer[] = []
  for (let at = 0; at < status.length; at += mostBandBytes)
    bands.push(packet(Buffer.concat([statusBand, status.subarray(at, at + mostBandBytes)])))
  return Buffer.concat([...bands, flush])
}

/** A pkt-line: four hexadecimal digits of length, these four included, then the content. */
export const packet = (content: string | Buffer): Buffer => {
  const bytes = Buffer.from(content)
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, '0')), bytes])
}

/** The packet that ends a list. */
export const flush = Buffer.from('0000')

const statusBand = Buffer.from([1])
/** LARGE_PACKET_MAX in git's pkt-line.h, less the length and the band. */
const mostBandBytes = 65_520 - 5
