import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { receive } from '../store/inbox.ts'
import { readSlack } from '../store/slack-envelope.ts'
import { openTestSlack } from '../test/slack.ts'
import { openTrial } from '../test/trial.ts'
import { platformContract } from './platform.contract.ts'
import { openSlack } from './slack.ts'

platformContract(
  'slack',
  async () => {
    await using opening = new AsyncDisposableStack()
    const slack = opening.use(await openTestSlack({ pausesMs: [] }))
    const { token, apiUrl, team } = slack
    const trial = opening.use(await openTrial(parts => openSlack({ ...parts, token, apiUrl })))
    const web = createServer(async (request, response) => {
      const read = readSlack(await text(request), request.headers['content-type'])
      if (read.kind !== 'envelope') return void response.writeHead(400).end()
      const { key, body } = read
      await receive(trial.store, trial.bell, {
        key,
        platform: 'slack',
        at: new Date().toISOString(),
        body: { body },
      })
      response.end()
    })
    web.listen(0, '127.0.0.1')
    await once(web, 'listening')
    opening.defer(async () => {
      web.closeAllConnections()
      web.close()
      await once(web, 'close')
    })
    slack.sendTo(`http://127.0.0.1:${(web.address() as AddressInfo).port}/slack/events`)
    const [C] = slack.channels
    const threadOf = (address: string) => address.split(':')[3] ?? ''

    const opened = opening.move()
    return {
      ...trial,
      channel: `slack:${team}:${C}`,
      gone: [`slack:${team}:CGONE`, '1.1'],
      person: `slack:${team}:${slack.people.ada}`,
      personName: 'ada',
      mention: async said => void (await slack.mention({ text: said })),
      direct: async said => void (await slack.say({ channel: await slack.direct(), text: said })),
      reply: async ({ address }, said) => void (await slack.say({ thread: threadOf(address), text: said })),
      command: async said => void (await slack.command({ text: said })),
      press: async ({ messageId }) => {
        const message = slack.calls.find(({ ts }) => ts === messageId)
        if (message) await slack.press({ message, button: 0 })
      },
      shown: async address => {
        const texts = await slack.texts(C, threadOf(address))
        const uploads = slack.calls.filter(({ method }) => method === 'files.completeUploadExternal')
        return texts.map(one => (one === '' && uploads.length > 0 ? 'out.txt' : one))
      },
      alone: async () =>
        slack.calls
          .filter(({ method, user }) => method === 'chat.postEphemeral' && user === slack.people.ada)
          .map(one => one.text),
      limit: (_, seconds) => slack.limit(C, seconds),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    }
  },
  {
    'a post repeated under its name is one message':
      'Slack knows no such names: a crash between posting and noting it can repeat a message once.',
  },
)
