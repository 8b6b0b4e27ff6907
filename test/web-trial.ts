import type { PlatformTrial } from '../bot/platform.contract.ts'
import type { Incoming, Platform } from '../bot/platform.ts'
import { openWebChat } from '../bot/web.ts'
import { receive } from '../store/inbox.ts'
import { openTrial } from './trial.ts'

/** The browser chat for one test; `open` opens it, or something in its place. */
export const openWebTrial = async (
  open: (parts: { readonly incoming: (incoming: Incoming) => Promise<void> }) => Platform = openWebChat,
): Promise<PlatformTrial> => {
  const trial = await openTrial(open)
  let keys = 0
  const store = async (more: object) => {
    const body = { user: 'ada', name: 'ada', conversation: 'c1', ...more }
    const at = new Date().toISOString()
    await receive(trial.store, trial.bell, { key: `web:${++keys}`, platform: 'web', at, body })
  }
  const say = (text: string) => store({ text })
  return {
    ...trial,
    channel: 'web:c1',
    gone: ['web:none', 'none'],
    person: 'web:ada',
    personName: 'ada',
    mention: say,
    direct: say,
    reply: (_, text) => say(text),
    command: text => say(`/hop ${text}`),
    press: () => store({ press: { verb: 'cancel', job: 'j1' } }),
    shown: async () => [],
    alone: async () => [],
    limit: () => {},
  }
}
