import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readUpstream } from './upstream-url.ts'

test('an address over https, or over http of this machine, is read as it will be asked for', () => {
  const good = {
    'https://github.com/owner/name.git': 'github.com owner/name.git',
    'https://GitHub.com/owner/name': 'github.com owner/name',
    'https://github.com:443/owner/name/': 'github.com owner/name',
    'https://git.example.com:8443/a/b/c_d-e.f~g+h': 'git.example.com:8443 a/b/c_d-e.f~g+h',
    'http://127.0.0.1:3000/shop.git': '127.0.0.1:3000 shop.git',
    'http://localhost:3000/shop.git': 'localhost:3000 shop.git',
    'http://[::1]:3000/shop.git': '[::1]:3000 shop.git',
  }
  for (const [text, expected] of Object.entries(good)) {
    const read = readUpstream(text)
    assert.ok(typeof read !== 'string', text)
    assert.equal(`${read.host} ${read.path}`, expected)
    assert.deepEqual(readUpstream(read.url), read)
  }
})

test('whatever else git could be told to do is no address', () => {
  const bad = [
    '',
    'github.com/owner/name',
    'git@github.com:owner/name.git',
    'ssh://git@github.com/owner/name.git',
    'git://github.com/owner/name.git',
    'file:///etc/passwd',
    '/etc/passwd',
    './name',
    'ext::sh -c "touch x"',
    'https::https://github.com/owner/name',
    '-u',
    '--upload-pack=touch x',
    '--upload-pack=https://github.com/owner/name',
    'https://user:secret@github.com/owner/name',
    'https://token@github.com/owner/name',
    'https://github.com@127.0.0.1/owner/name',
    'https://github.com',
    'https://github.com/',
    'https://github.com//name',
    'https://github.com/owner//name',
    'https://github.com/../name',
    'https://github.com/owner/..',
    'https://github.com/./name',
    'https://github.com/%2e%2e/name',
    'https://github.com/--upload-pack=x/name',
    'https://github.com/-owner/name',
    'https://github.com/owner/name?service=x',
    'https://github.com/owner/name#x',
    'https://github.com/owner\\name',
    'https:\\\\github.com/owner/name',
    'https://github.com/owner/name\n',
    'https://github.com/owner/na\nme',
    'https://github.com/owner/name\r\nAuthorization: x',
    'https://github.com/owner/name\0',
    'https://github.com/owner/na\tme',
    ' https://github.com/owner/name',
    'https://github.com/owner/na me',
    'https://-oProxyCommand=x/owner/name',
    'https://git\u0131hub.com/owner/name',
    'https://github.com:99999/owner/name',
    'http://github.com/owner/name',
    'http://127.0.0.1.example.com/owner/name',
    'http://169.254.169.254/latest/meta-data',
    'https://127.0.0.1/owner/name',
    'https://2130706433/owner/name',
    'https://localhost:8080/owner/name',
    `https://github.com/${'a'.repeat(500)}`,
  ]
  for (const text of bad) {
    const read = readUpstream(text)
    assert.ok(typeof read === 'string', JSON.stringify(text))
    assert.match(read, /^The address of .*[a-z./:,;-]\.$/)
  }
})
