import { receive } from '../store/inbox.ts'
import { openTrial } from '../test/trial.ts'
import { platformContract } from './platform.contract.ts'
import { openWebChat } from './web.ts'

const page = 'The page shows what the outbox holds, so nothing is posted anywhere'
const own = 'A conversation in the browser is one person’s alone'

platformContract(
  'web',
  async () => {
    const trial = await openTrial(openWebChat)
    const channel = 'web:c1'
    let keys = 0
    const store = async (more: object) => {
      const body = { user: 'ada', name: 'ada', conversation: 'c1', ...more }
      await receive(trial.store, trial.bell, {
        key: `web:${++keys}`,
        platform: 'web',
        at: new Date().toISOString(),
        body,
      })
    }
    const say = (text: string) => store({ text })
    return {
      ...trial,
      channel,
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
  },
  {
    'a post gives its id and the address under which replies to it come': `${page}; the address is the conversation’s own.`,
    'an edit changes the message and adds none': `${page}.`,
    'a post repeated under its name is one message': `${page}.`,
    'a call that is too fast says how long to wait': `${page}, at any pace.`,
    'what is gone can take no post and no edit': `${page}, and none is refused.`,
    'a mention, a reply, a direct message and a command come as what they are': `${own}: there is nobody to mention the bot before. bot/web.test.ts has the other two.`,
    'a stored file is posted, one that is gone cannot be': `${page}; the page links the file.`,
    'what is for one person is shown to nobody else': `${own}.`,
  },
)
