import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readConfig } from '../src/config.ts'
import { startService } from './service.ts'

// The rules of docker-compose.yml and Dockerfile, without a Docker engine.

interface ComposeService {
  image?: string
  build?: string
  restart?: string
  ports?: string[]
  profiles?: string[]
  environment?: Record<string, string>
  depends_on?: Record<string, { condition: string }>
  healthcheck?: Record<string, unknown>
}
const { services } = parse(readFileSync('docker-compose.yml', 'utf8')) as {
  services: Record<string, ComposeService>
}
const { app = {}, migrate = {} } = services
const dockerfile = readFileSync('Dockerfile', 'utf8')

/** The settings of `.env.example` with their values, as compose reads them from `.env`. */
const example = Object.fromEntries(
  [...readFileSync('.env.example', 'utf8').matchAll(/^([A-Z][A-Z_0-9]*)=(.*)$/gm)].map(([, name, value]) => [
    name as string,
    value as string,
  ]),
)
/** What the container gets, given these variables. */
const environmentOf = (service: ComposeService, variables: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(service.environment ?? {}).map(([name, value]) => [
      name,
      value.replace(/\$\{(\w+):-([^}]*)\}/g, (_all, variable, fallback) => variables[variable] || fallback),
    ]),
  )

test('every service that is there to stay starts again with the machine', () => {
  const restarting = Object.entries(services).filter(([, { restart }]) => restart === 'unless-stopped')
  expect(restarting.map(([name]) => name).sort()).toEqual(
    Object.keys(services)
      .filter((name) => name !== 'migrate')
      .sort(),
  )
})

test('the service waits for healthy stores, and for the migration', () => {
  expect(app.depends_on).toEqual({
    migrate: { condition: 'service_completed_successfully' },
    postgres: { condition: 'service_healthy' },
    redis: { condition: 'service_healthy' },
  })
  for (const { healthcheck } of [services.postgres, services.redis].map((one) => one ?? {})) {
    expect(healthcheck).toMatchObject({ timeout: '10s', start_period: '30s' })
  }
})

test('nothing can be reached from other machines', () => {
  const published = Object.values(services).flatMap(({ ports = [] }) => ports)
  expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
  expect(published).toHaveLength(2)
})

test('the service and its migration are one image', () => {
  expect({ image: migrate.image, build: migrate.build }).toEqual({ image: app.image, build: app.build })
})

describe.each([
  ['without .env', {}],
  ['with .env.example as .env', example],
])('%s', (_name, variables) => {
  const environment = environmentOf(app, variables)

  test('the settings are right', () => {
    expect(() => readConfig(environment)).not.toThrow()
  })

  test('without the agent no name is looked up in vain', () => {
    expect(readConfig(environment).DD_AGENT_HOST).toBe('127.0.0.1')
  })
})

test('every setting reaches the container', () => {
  // The container's own, and where its stores are.
  const own = ['HOST', 'PORT', 'DATABASE_DIRECT_URL']
  const passed = Object.keys(app.environment ?? {})
  expect(Object.keys(example).filter((name) => !passed.includes(name) && !own.includes(name))).toEqual([])
})

describe('the image', () => {
  test('has what the lockfile says, and what its user may read', () => {
    expect(dockerfile).toContain('npm ci --omit=dev')
    expect(dockerfile).toMatch(/COPY src[\s\S]*RUN chmod -R u=rwX,go=rX [^\n]*src\nUSER node/)
  })

  test('is checked patiently, by a command that tells a service from none', async () => {
    expect(dockerfile).toContain('--timeout=10s --start-period=30s')
    const [, command = ''] = /HEALTHCHECK [^\n]*\n\s+CMD (.*)/.exec(dockerfile) ?? []
    const [program = '', ...args] = JSON.parse(command) as string[]
    const check = (PORT: string) => promisify(execFile)(program, args, { env: { ...process.env, PORT } })
    const service = await startService()
    const { port } = new URL(service.url)
    await check(port)
    await service.stop()
    await expect(check(port)).rejects.toThrow()
  })
})
