import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

test('docker-compose reads the compose file', () => {
  const output = execFileSync(process.execPath, ['dev/compose-check.ts'], { encoding: 'utf8' })
  expect(output).toContain('app, datadog, mailpit, migrate, postgres, redis')
}, 180_000)
