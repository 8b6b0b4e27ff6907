import { appendFileSync } from 'node:fs'
import { before } from 'node:test'

/** Called inside a contract's suite: once its tests run, the summary of the test run lists the engine under the port. */
export const ranOn = (contract: string, engine: string): void =>
  before(() => {
    const file = process.env.TEST_ENGINES_FILE
    if (file) appendFileSync(file, `${JSON.stringify({ contract, engine })}\n`)
  })
