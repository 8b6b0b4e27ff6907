import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { OpenGateway } from './trial.contract.ts'
import { grants, openTrial } from './trial.contract.ts'

export const gitContract = (openGateway: OpenGateway): void => {
  describe('the git route', () => {
    test('a box clones its workspace, pushes to its own branch and to no other', async () => {
      await using trial = await openTrial(openGateway)
      await trial.repos.create('shop')
      const { git } = await trial.admit()
      await git('clone', '--quiet', '{remote}', 'work')
      const author = ['-c', 'user.name=A', '-c', 'user.email=a@example.com']
      await git('-C', 'work', ...author, 'commit', '--quiet', '--allow-empty', '-m', 'Work')
      const { stdout } = await git('-C', 'work', 'rev-parse', 'HEAD')
      await git('-C', 'work', 'push', '--quiet', '{remote}', `HEAD:${grants.push}`)
      assert.equal(await trial.repos.resolve('shop', grants.push), stdout.trim())

      const before = await trial.repos.resolve('shop', 'main')
      const why = `A job pushes to its own branch only, ${grants.push}.`
      await assert.rejects(git('-C', 'work', 'push', '{remote}', 'HEAD:refs/heads/main'), (error: Error) =>
        error.message.includes(why),
      )
      assert.equal(await trial.repos.resolve('shop', 'main'), before)
      assert.deepEqual(trial.refused, [{ route: 'git', what: 'refs/heads/main', why }])
    })

    test('an attempt that is not its job’s any more still reads, and its push is refused with a sentence', async () => {
      await using trial = await openTrial(openGateway)
      await trial.repos.create('shop')
      const { git, post } = await trial.admit()
      await git('clone', '--quiet', '{remote}', 'work')
      trial.pass(1)
      await git('-C', 'work', 'fetch', '--quiet', '{remote}')
      const why = /Attempt 1 is not this job's any more: the job is over, or another attempt has taken/
      await assert.rejects(git('-C', 'work', 'push', '{remote}', `HEAD:${grants.push}`), why)
      const late = await post('0000', {}, '/git/workspace.git/git-receive-pack')
      assert.equal(late.statusCode, 403)
      assert.match(await late.body.text(), why)
      assert.equal(await trial.repos.resolve('shop', grants.push), undefined)
      assert.deepEqual(
        trial.refused.map(({ route, what }) => [route, what]),
        [
          ['git', 'push'],
          ['git', 'push'],
        ],
      )
    })
  })
}
