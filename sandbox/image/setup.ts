import { parseArgs } from 'node:util'
import { buildImage } from './build.ts'

/** Where no other base is named: the stock image of the distribution that the Dockerfile is written for. */
const stock = 'debian:bookworm-slim'

/**
 * Carries out `setup`, which builds the image of the boxes, and gives the exit code. `--base` names the image to begin from.
 * Throws `NoImage` or `NoDaemon` with a sentence.
 */
export const setup = async (
  options: readonly string[],
  {
    image,
    docker,
    print,
  }: { readonly image: string; readonly docker?: string; readonly print: (line: string) => void },
): Promise<number> => {
  const { values } = parseArgs({
    args: [...options],
    options: { 'image-only': { type: 'boolean' }, yes: { type: 'boolean' }, base: { type: 'string' } },
  })
  await buildImage({ tag: image, base: values.base ?? stock, ...(docker && { docker }), print })
  return 0
}
