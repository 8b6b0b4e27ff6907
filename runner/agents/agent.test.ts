import { says, uses } from '../../test/anthropic.ts'
import { engine, skipOf } from '../../test/engines.ts'
import { agentContract } from './agent.contract.ts'
import { openClaude } from './claude.ts'
import { openCommand } from './command.ts'
import { openScript } from './script.ts'

agentContract({
  agent: openCommand(),
  skip: false,
  speaking: 'echo made > made.txt; echo "It is made."',
  failing: 'exit 3',
})

agentContract({
  agent: openScript(),
  skip: false,
  speaking: 'plan make it\nrun echo made > made.txt\nsay It is made.',
  failing: 'exit 3',
})

const claude = await engine('claude')
agentContract({
  agent: openClaude({ command: claude.ok ? claude.path : '' }),
  skip: skipOf(claude),
  speaking: 'Make it.',
  failing: 'Fail at it.',
  script: ({ body }) => {
    const said = JSON.stringify(body.messages)
    if (said.includes('Fail at it.')) return { status: 400, error: 'There is no such model.' }
    if (said.includes('tool_result')) return says('It is made.')
    return uses('Bash', { command: 'echo made > made.txt', description: 'Makes it' })
  },
})
