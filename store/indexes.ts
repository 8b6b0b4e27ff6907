import type { Kind, Records } from './records.ts'

/**
 * Every index there is. `find` and `count` refuse a question that none of them answers, so that nothing is ever found by
 * reading a whole table. An index answers when its leading fields are those compared for equality and the next, if any,
 * is the one compared by range or ordered by; `_id` stands behind the last field of each and is an index of its own.
 */
export const indexes: { readonly [K in Kind]: readonly (readonly (keyof Records[K] & string)[])[] } = {
  users: [],
  identities: [['user']],
  workspaces: [['team', 'name'], ['name'], ['team', 'visibility'], ['owner'], ['team']],
  grants: [['subject'], ['workspace']],
  conversations: [['address'], ['owner'], ['channel']],
  inbox: [
    ['platform', 'state', 'receivedAt'],
    ['state', 'receivedAt'],
  ],
  jobs: [
    ['state'],
    ['state', 'priority'],
    ['workspace'],
    ['workspace', 'state'],
    ['workspace', 'requester'],
    ['workspace', 'requester', 'state'],
    ['workspace', 'conversation'],
    ['requester'],
    ['requester', 'state'],
    ['conversation'],
    ['waitsFor'],
  ],
  deliveries: [['done'], ['job']],
  outbox: [
    ['state', 'createdAt'],
    ['platform', 'state', 'createdAt'],
    ['conversation', 'n'],
  ],
  logins: [['until']],
  sessions: [['until'], ['user']],
  tokens: [['user']],
  runners: [['until']],
  leases: [],
  files: [['job'], ['conversation']],
}
