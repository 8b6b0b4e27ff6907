/** What `/hop help` answers. */
export const help = `**Bellhop** carries jobs: a coding agent works in a sandbox on your team's repository and tells here what it does.

- \`/hop run fix the flaky test\`: give the agent a task; \`/hop sh npm test\`: run a command
- \`/hop jobs\`: your newest jobs
- \`/hop logs\`, \`/hop cancel\`, \`/hop retry\`: for the newest job here, or the one whose id you add
- \`/hop web\`: a link that logs you in to the page

In a thread mention me instead of writing \`/hop\`, and just reply to go on with your own job. Before a task may stand \`in=workspace\`, \`budget=2\` (dollars), \`timeout=20m\`, \`priority=0\` to \`9\` (first), \`model=…\`, \`agent=…\`, such as \`/hop run in=shop budget=2 fix the flaky test\`.`
