import assert from 'node:assert/strict'
import { basename, dirname } from 'node:path'
import { test } from 'node:test'
import Docker from 'dockerode'
import { openDocker } from '../sandbox/docker.ts'
import type { Trial } from '../sandbox/trial.contract.ts'
import { openTrial } from '../sandbox/trial.contract.ts'
import { engine, skipOf } from './engines.ts'

/** False, or why tests of Docker are skipped. */
export const skip = skipOf(await engine('docker'))
/** The image that `setup` builds. */
export const image = 'bellhop-box'
/** The daemon itself, to look from outside. */
export const docker = new Docker()

/** Each trial is an installation of its own, named by its folder. */
export const installationOf = (folder: string) => basename(folder)
export const openTrialDocker = ({ folder }: { readonly folder: string }) =>
  openDocker({ image, installation: installationOf(dirname(folder)) })

/** A test in a trial of its own. It leaves no container behind, and where it fails they are removed for it. */
export const the = (sentence: string, run: (trial: Trial) => Promise<void>) =>
  test(sentence, { skip }, async () => {
    await using cleaning = new AsyncDisposableStack()
    let left: string[] = []
    {
      await using trial = await openTrial(openTrialDocker)
      const filters = JSON.stringify({ label: [`bellhop.installation=${installationOf(trial.folder)}`] })
      cleaning.defer(async () => {
        const found = await docker.listContainers({ all: true, filters })
        left = found.flatMap(({ Names }) => Names)
        for (const { Id } of found) await docker.getContainer(Id).remove({ force: true, v: true })
      })
      await run(trial)
    }
    await cleaning.disposeAsync()
    assert.deepEqual(left, [])
  })

/** The container of a trial's box. */
export const containerOf = (trial: Trial, attempt = 1) =>
  docker.getContainer(`bellhop-${installationOf(trial.folder)}-${trial.job}-${attempt}`)
