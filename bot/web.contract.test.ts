import { openWebTrial } from '../test/web-trial.ts'
import { platformContract } from './platform.contract.ts'

const page = 'The page shows what the outbox holds, so nothing is posted anywhere'
const own = 'A conversation in the browser is one person’s alone'

platformContract('web', () => openWebTrial(), {
  'a post gives its id and the address under which replies to it come': `${page}; the address is the conversation’s own.`,
  'an edit changes the message and adds none': `${page}.`,
  'a post repeated under its name is one message': `${page}.`,
  'a call that is too fast says how long to wait': `${page}, at any pace.`,
  'what is gone can take no post and no edit': `${page}, and none is refused.`,
  'a mention, a reply, a direct message and a command come as what they are': `${own}: there is nobody to mention the bot before. bot/web.test.ts has the other two.`,
  'a stored file is posted, one that is gone cannot be': `${page}; the page links the file.`,
  'what is for one person is shown to nobody else': `${own}.`,
})
