import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { findProgram } from '../../harness/debian-program.ts'
import { startRedis } from '../../harness/redis.ts'

// A machine without Debian's packages, as a Mac is: a PATH of one folder.

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'path-'))
  vi.stubEnv('PATH', folder)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

const PROGRAM = {
  package: 'no-such-server',
  path: 'usr/bin/no-such-server',
  hint: '`brew install no-such-server`',
}

test('what is on the PATH is taken, as Homebrew puts it there', async () => {
  const file = join(folder, 'no-such-server')
  writeFileSync(file, '#!/bin/sh\n')
  chmodSync(file, 0o755)
  expect((await findProgram(PROGRAM)).command).toBe(file)
})

test('without the program and without apt, the error says how to get it', async () => {
  await expect(findProgram(PROGRAM)).rejects.toThrow(
    'There is no no-such-server on the PATH, and none could be fetched with apt. `brew install no-such-server`',
  )
})

test('a redis-server on the PATH that does not start is not waited for', async () => {
  const file = join(folder, 'redis-server')
  writeFileSync(file, '#!/bin/sh\necho this is no server >&2\nexit 1\n')
  chmodSync(file, 0o755)
  vi.stubEnv('PATH', `${folder}:/usr/bin:/bin`)
  await expect(startRedis()).rejects.toThrow('this is no server')
})
