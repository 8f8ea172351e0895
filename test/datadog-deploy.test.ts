import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

// The command against a server that keeps monitors, SLOs and dashboards as Datadog does.

const PROGRAM = fileURLToPath(new URL('../datadog/deploy.ts', import.meta.url))
const MONITORS = readdirSync(new URL('../datadog/monitors', import.meta.url)).length

type Stored = { id: number | string; name?: string; title?: string }
let server: Server
let stored: Record<'monitor' | 'slo' | 'dashboard', Stored[]>
let calls: string[]
let keys: unknown[]
beforeAll(async () => {
  const answerTo = async (request: IncomingMessage, response: ServerResponse) => {
    const [, kind = '', id] = /^\/api\/v1\/(\w+)(?:\/([\w-]+))?/.exec(request.url ?? '') ?? []
    keys.push(request.headers['dd-api-key'], request.headers['dd-application-key'])
    const answer = (body: unknown, status = 200) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    const list = stored[kind as keyof typeof stored]
    if (request.method === 'GET') {
      if (kind === 'monitor') return answer(list)
      return answer(kind === 'slo' ? { data: list } : { dashboards: list })
    }
    const body = (await json(request)) as Stored
    calls.push(`${request.method} ${kind}${id === undefined ? '' : `/${id}`}`)
    if (id === 'validate')
      return answer(body.name === undefined ? { errors: ['no name'] } : {}, body.name ? 200 : 400)
    if (request.method === 'POST') list.push({ ...body, id: `${kind}-${list.length + 1}` })
    else if (!list.some((one) => String(one.id) === id)) return answer({ errors: ['not found'] }, 404)
    answer(body)
  }
  server = createServer((request, response) => void answerTo(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => server.close())
beforeEach(() => {
  stored = { monitor: [], slo: [], dashboard: [] }
  calls = []
  keys = []
})

const run = (...args: string[]) =>
  promisify(execFile)(process.execPath, [PROGRAM, ...args], {
    env: {
      PATH: process.env.PATH,
      DD_API_KEY: 'api-key',
      DD_APP_KEY: 'app-key',
      DD_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    },
  })

test('a dry run validates every monitor, says what it would create, and changes nothing', async () => {
  const { stdout } = await run('--dry-run')
  expect(calls).toEqual(Array(MONITORS).fill('POST monitor/validate'))
  expect(stdout.trim().split('\n')).toHaveLength(MONITORS + 2)
  expect(stdout).toContain('would create monitor "Webhook Events Dead"')
  expect(stdout).toContain('would create slo "Webhook deliveries are accepted"')
  expect(new Set(keys)).toEqual(new Set(['api-key', 'app-key']))
})

test('it creates what is missing, and updates the same items the second time', async () => {
  await run()
  expect(stored.monitor).toHaveLength(MONITORS)
  expect([stored.slo.length, stored.dashboard.length]).toEqual([1, 1])
  calls = []
  const { stdout } = await run()
  expect(stored.monitor).toHaveLength(MONITORS)
  expect(calls.filter((call) => call.startsWith('PUT'))).toHaveLength(MONITORS + 2)
  expect(stdout).toContain('updated dashboard')
})

test('a name that is there twice is refused, and so is what Datadog refuses', async () => {
  stored.monitor = [1, 2].map((id) => ({ id, name: 'Webhook Events Dead' }))
  await expect(run()).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('two monitors called'),
  })
  expect(calls).toEqual([])
  const { DD_API_URL, ...env } = { PATH: process.env.PATH, DD_API_URL: '' }
  await expect(promisify(execFile)(process.execPath, [PROGRAM], { env })).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('DD_API_KEY'),
  })
})
