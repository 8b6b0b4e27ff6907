import type { Agent } from './agent.ts'
import { openClaudeReader } from './claude-reader.ts'

/** Tools of the CLI that would act outside the box or after it: they are not offered to the model. */
const withheld = [
  'CronCreate',
  'CronDelete',
  'CronList',
  'ScheduleWakeup',
  'SendMessage',
  'WebFetch',
  'WebSearch',
]

/** Nothing but the model is spoken to, and that over the gateway's socket; the key is put in on the other side. */
const environment = {
  ANTHROPIC_UNIX_SOCKET: '{gateway}/gateway.sock',
  ANTHROPIC_BASE_URL: 'http://gateway.local',
  ANTHROPIC_API_KEY: 'placeholder',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  DISABLE_TELEMETRY: '1',
  DISABLE_ERROR_REPORTING: '1',
  DISABLE_AUTOUPDATER: '1',
  IS_SANDBOX: '1',
}

const briefingFile = '{home}/briefing.md'

/**
 * Claude Code, one process for each turn. The repository's own hooks, settings and MCP servers are not read; permission
 * prompts are off, since the box is the boundary. A turn that continues a session sends the new briefing, not the first's.
 * `command` is where the box finds the program.
 */
export const openClaude = ({ command }: { readonly command: string }): Agent => ({
  name: 'claude',
  model: true,
  sessionFolder: '.claude/projects',
  interrupt: JSON.stringify({
    type: 'control_request',
    request_id: 'stop',
    request: { subtype: 'interrupt' },
  }),
  start: ({ job, briefing, resumes, uploads }) => ({
    files: { [briefingFile]: briefing },
    command: {
      argv: [
        command,
        ...['-p', '--input-format', 'stream-json', '--output-format', 'stream-json', '--verbose'],
        '--dangerously-skip-permissions',
        ...['--setting-sources', '', '--strict-mcp-config'],
        ...['--append-system-prompt-file', briefingFile, '--system-prompt-snapshot', 'off'],
        ...(job.model ? ['--model', job.model] : []),
        ...(resumes ? ['--continue'] : []),
        ...['--disallowedTools', ...withheld],
      ],
      env: environment,
      input: [
        JSON.stringify({ type: 'user', message: { role: 'user', content: promptOf(job.prompt, uploads) } }),
      ],
      keepOpen: true,
    },
  }),
  read: openClaudeReader,
})

const promptOf = (prompt: string, uploads: readonly string[]) =>
  uploads.length === 0
    ? prompt
    : `${prompt}\n\nFiles that came with this message:\n${uploads.map(path => `- ${path}`).join('\n')}`
