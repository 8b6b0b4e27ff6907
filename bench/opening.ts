import type { Plan, Sandbox } from '../sandbox/sandbox.ts'

/**
 * Milliseconds from the order of a box to the first byte of its entry. Nothing answers at its gateway, so the box is over soon
 * after its first word, which is all that is measured.
 */
export const openingOf = async (sandbox: Sandbox, gateway: string, attempt: number): Promise<number> => {
  const begun = performance.now()
  await using box = await sandbox.open({ job: 'bench', attempt, gateway, plan: plan(attempt) })
  for await (const _ of box.output(0)) return performance.now() - begun
  throw new Error('The box said nothing.')
}

const plan = (attempt: number): Plan => ({
  job: 'bench',
  attempt,
  git: { from: 'main', branch: 'jobs/bench', name: 'Bench', email: 'bench@example.org', message: 'Bench' },
  files: {},
  uploads: [],
  agent: { argv: ['true'], env: {}, input: [], keepOpen: false },
  timeoutSeconds: 60,
})
