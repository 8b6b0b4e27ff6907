import { statSync } from 'node:fs'
import { processes } from './box/marked.ts'

/** The first user id for boxes, above what systems give to people and services. */
const firstUid = 200_000

export interface Uids {
  /** A user id that no other box has. */
  take(): number
  giveBack(uid: number): void
}

/** User ids for the boxes of a server that runs as root. Those under which anything else runs on this host are passed over. */
export const openUids = (): Uids => {
  const taken = new Set<number>()
  return {
    take: () => {
      const busy = new Set(processes().map(ownerOf))
      let uid = firstUid
      while (taken.has(uid) || busy.has(uid)) uid++
      taken.add(uid)
      return uid
    },
    giveBack: uid => taken.delete(uid),
  }
}

const ownerOf = (pid: number) => statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid
