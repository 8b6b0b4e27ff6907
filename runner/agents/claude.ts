import type { Agent, Task } from './agent.ts'
import { openClaudeReader } from './claude-reader.ts'

/**
 * Claude Code, one process a turn. Of a repository's own settings nothing runs: no hooks, no servers; and on a resumed
 * session the briefing is this turn's and not the first one's. `command` is where the box finds the program.
 */
export const openClaude = ({ command }: { readonly command: string }): Agent => ({
  name: 'claude',
  model: true,
  sessionFolder: '.claude/projects',
  start: task => ({
    files: { [briefingFile]: task.briefing },
    command: {
      argv: [...(task.resumes ? resuming : []), command, ...flags(task.job.model)],
      env,
      input: [JSON.stringify({ type: 'user', message: { role: 'user', content: prompt(task) } })],
      keepOpen: true,
    },
  }),
  read: openClaudeReader,
  interrupt: JSON.stringify({
    type: 'control_request',
    request_id: 'interrupt',
    request: { subtype: 'interrupt' },
  }),
})

const briefingFile = '{home}/briefing.md'

/** Tools that cannot work in a box, or would outlive it. */
const unavailable = [
  'CronCreate',
  'CronDelete',
  'CronList',
  'ScheduleWakeup',
  'SendMessage',
  'WebFetch',
  'WebSearch',
]

const flags = (model: string | undefined): readonly string[] => [
  '-p',
  '--verbose',
  ...['--input-format', 'stream-json'],
  ...['--output-format', 'stream-json'],
  '--dangerously-skip-permissions',
  ...['--setting-sources', ''],
  '--strict-mcp-config',
  ...['--append-system-prompt-file', briefingFile],
  ...['--system-prompt-snapshot', 'off'],
  ...['--disallowedTools', unavailable.join(',')],
  ...(model ? ['--model', model] : []),
]

/**
 * Resumes the newest session that holds a message, by its path, so that the working directory may be another one than it
 * was. Where there is none the turn begins one, for to ask for it would be an error.
 */
const resuming: readonly string[] = [
  '/bin/sh',
  '-c',
  [
    'IFS="\n"',
    `for session in $(ls -t "$0"/.claude/projects/*/*.jsonl 2>/dev/null)`,
    `do grep -q '"type":"user"' "$session" && exec "$@" --resume "$session"`,
    'done',
    'exec "$@"',
  ].join('\n'),
  '{home}',
]

/** The model is asked through the gateway's socket, which puts the key in; and nothing else is called. */
const env: Readonly<Record<string, string>> = {
  ANTHROPIC_UNIX_SOCKET: '{gateway}/gateway.sock',
  ANTHROPIC_BASE_URL: 'http://gateway.local',
  ANTHROPIC_API_KEY: 'placeholder',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  DISABLE_TELEMETRY: '1',
  DISABLE_ERROR_REPORTING: '1',
  DISABLE_AUTOUPDATER: '1',
  // Without it the program does not run as root without asking for permissions; the box is what it says.
  IS_SANDBOX: '1',
  // Both together bring back the one tool that reports a plan as a whole.
  CLAUDE_CODE_ENABLE_TODO_TOOLS: '1',
  CLAUDE_CODE_ENABLE_TASKS: '0',
}

const prompt = ({ job, uploads }: Task): string =>
  uploads.length === 0
    ? job.prompt
    : `${job.prompt}\n\nFiles that came with this:\n${uploads.map(path => `- ${path.replace('{home}', '~')}`).join('\n')}`
