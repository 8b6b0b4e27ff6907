import { execFile } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Programs of the machine that some tests need, and that not every machine has. */
export const engineNames = [
  'bubblewrap',
  'chromium',
  'claude',
  'docker',
  'git',
  'mongo-java-server',
  'redis',
] as const
export type EngineName = (typeof engineNames)[number]

export type Found =
  | { readonly ok: true; readonly path: string; readonly version: string }
  | { readonly ok: false; readonly why: string }

const programs: Record<EngineName, { readonly file: string; readonly install: string }> = {
  bubblewrap: { file: 'bwrap', install: 'apt-get install bubblewrap' },
  chromium: { file: 'chromium', install: 'apt-get install chromium' },
  claude: {
    file: 'claude',
    install: 'npm install --prefix .cache/claude --no-save @anthropic-ai/claude-code@2.1.329',
  },
  docker: { file: 'docker', install: 'apt-get install docker.io, start dockerd' },
  git: { file: 'git', install: 'apt-get install git' },
  'mongo-java-server': { file: 'mongo-java-server', install: 'bash test/mongo/install .cache/mongo' },
  redis: { file: 'redis-server', install: 'apt-get install redis-server' },
}

const found = new Map<EngineName, Promise<Found>>()

/**
 * Finds an engine by really running it, once per process. What was found or missed is noted for the summary of the whole
 * test run, in the file that `TEST_ENGINES_FILE` names.
 */
export const engine = (name: EngineName): Promise<Found> => {
  const known = found.get(name)
  if (known) return known
  const looking = look(name).then(result => note(name, result))
  found.set(name, looking)
  return looking
}

/** The `skip` option of a test that needs the engine: false, or the reason. Throws where `CI=true`, where none may be missing. */
export const skipOf = (result: Found): false | string => {
  if (result.ok) return false
  if (process.env.CI === 'true')
    throw new Error(`An engine is missing, and with CI=true none may be: ${result.why}`)
  return result.why
}

const look = async (name: EngineName): Promise<Found> => {
  const { file, install } = programs[name]
  const path = await which(file)
  if (path === undefined)
    return { ok: false, why: `${name} is not installed: no ${file} on the PATH (${install})` }
  try {
    const { stdout } = await run(path, ['--version'], { timeout: 30_000 })
    if (name === 'docker') return await lookDocker(path)
    if (name === 'bubblewrap')
      await run(path, ['--unshare-all', '--ro-bind', '/', '/', 'true'], { timeout: 30_000 })
    return { ok: true, path, version: stdout.match(/\d+(\.\d+)+/)?.[0] ?? stdout.trim() }
  } catch (error) {
    const said = error instanceof Error ? error.message.trim().replaceAll(/\s+/g, ' ') : String(error)
    return { ok: false, why: `${name} does not run here: ${said}` }
  }
}

/** Docker is there when its daemon answers and the image of the boxes is built. */
const lookDocker = async (path: string): Promise<Found> => {
  const { stdout: version } = await run(path, ['version', '--format', '{{.Server.Version}}'], {
    timeout: 30_000,
  })
  const { stdout: image } = await run(path, ['images', '--quiet', 'bellhop-box'], { timeout: 30_000 })
  if (image.trim() === '')
    return {
      ok: false,
      why: 'docker has no image bellhop-box: build it with node main.ts setup --image-only',
    }
  return { ok: true, path, version: version.trim() }
}

const which = async (file: string): Promise<string | undefined> => {
  const cache = join(import.meta.dirname, '../.cache')
  const cached = [join(cache, 'claude/node_modules/.bin'), join(cache, 'mongo/bin')]
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), ...cached]) {
    const path = join(folder, file)
    if (folder && (await runs(path))) return path
  }
  return undefined
}

const runs = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  )

const note = (name: EngineName, result: Found): Found => {
  const file = process.env.TEST_ENGINES_FILE
  if (file) appendFileSync(file, `${JSON.stringify({ name, ...result })}\n`)
  return result
}
