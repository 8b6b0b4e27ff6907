import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf, newSecret } from './secret.ts'

test('a secret has 32 bytes that never come again, safe in a link', () => {
  const secrets = Array.from({ length: 100 }, newSecret)
  assert.equal(new Set(secrets).size, 100)
  for (const secret of secrets) {
    assert.match(secret, /^[A-Za-z0-9_-]{43}$/)
    assert.equal(Buffer.from(secret, 'base64url').length, 32)
  }
})

test('what is stored of a secret is its SHA-256 in hex', () => {
  assert.equal(digestOf('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
