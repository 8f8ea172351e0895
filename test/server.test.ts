import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { asService, cloneDatabase } from './database.ts'
import { bodyOf, event, sendgridEnv, signed } from './providers/sendgrid/deliveries.ts'
import { freshRedis } from './redis.ts'
import { eventually } from './service.ts'

// The service as it is started in production, as a process of its own.

let database: Awaited<ReturnType<typeof cloneDatabase>>
let environment: NodeJS.ProcessEnv
let child: ChildProcess | undefined
beforeEach(async () => {
  database = await cloneDatabase()
  environment = {
    ...process.env,
    ...sendgridEnv,
    HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: asService(database.url),
    REDIS_URL: await freshRedis(),
  }
})
afterEach(async () => {
  child?.kill('SIGKILL')
  await database.drop()
})

const start = async (command: string, ...args: string[]) => {
  const server = spawn(command, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  child = server
  let output = ''
  for (const stream of [server.stdout, server.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  const url = await eventually(() => /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0], 'it listens')
  return { server, url, output: () => output }
}

const post = (url: string) => {
  const { headers, body } = signed(bodyOf([event('click')]))
  return fetch(`${url}/webhooks/sendgrid`, { method: 'POST', headers, body: new Uint8Array(body) })
}

describe('SIGTERM', () => {
  for (const [name, command] of [
    ['node src/server.ts', [process.execPath, 'src/server.ts']],
    ['npm start', ['npm', 'start']],
  ] as const) {
    test(`to ${name}: deliveries under way are answered, exit code 0, nothing left running`, async () => {
      const [program, ...args] = command
      const { server, url, output } = await start(program, ...args)
      expect((await post(url)).status).toBe(200)
      const underWay = Array.from({ length: 20 }, () =>
        post(url).then(
          (answer) => answer.status,
          () => 'refused',
        ),
      )
      await Promise.race(underWay)
      server.kill('SIGTERM')
      const [code] = await once(server, 'exit')
      expect(code).toBe(0)
      const answers = await Promise.all(underWay)
      const accepted = answers.filter((status) => status === 200).length
      expect(new Set(answers).difference(new Set([200, 503, 'refused'])).size).toBe(0)
      const client = new pg.Client({ connectionString: database.url })
      await client.connect()
      const { rows } = await client.query(
        `select coalesce(sum(event_count), 0)::int as stored from webhook_deliveries`,
      )
      const runs = await client.query('select cleanly_stopped_at from service_runs')
      await client.end()
      expect(rows[0].stored).toBe(accepted + 1)
      expect(runs.rows[0]?.cleanly_stopped_at ?? 'never began').not.toBeNull()
      expect(output()).toContain('"closing"')
      await expect(fetch(`${url}/healthz`)).rejects.toThrow()
    })
  }

  test('twice, as npm passes Ctrl-C on: still graceful', async () => {
    const { server, url } = await start(process.execPath, 'src/server.ts')
    expect((await post(url)).status).toBe(200)
    server.kill('SIGINT')
    server.kill('SIGTERM')
    expect((await once(server, 'exit'))[0]).toBe(0)
  })
})

test('mistakes in the configuration are reported all at once, without a stack', async () => {
  const server = spawn(process.execPath, ['src/server.ts'], {
    env: { PATH: process.env.PATH, PORT: 'http', SENDGRID_WEBHOOK_KEY: 'x' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  server.stderr.on('data', (chunk) => {
    output += chunk
  })
  expect((await once(server, 'close'))[0]).toBe(1)
  expect(output).toContain('PORT: expected a whole number')
  expect(output).toContain('DATABASE_URL: is required')
  expect(output).toContain('SENDGRID_WEBHOOK_KEY: expected')
  expect(output).not.toContain('    at ')
})
