import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { startStack } from '../harness/stack.ts'
import { migrate } from '../src/migrate.ts'
import { SERVICE_ROLE, TEMPLATE } from './template.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The server's maintenance database; test files clone `TEMPLATE` there. */
    postgresUrl: string
    redisUrl: string
  }
}

/** One PostgreSQL and one Redis for the whole run. */
export default async (project: TestProject): Promise<() => Promise<void>> => {
  const folder = join(tmpdir(), `webhooks-test-${crypto.randomUUID()}`)
  const stack = await startStack(folder, { temporary: true })
  const client = new pg.Client({ connectionString: stack.postgres.url })
  await client.connect()
  await client.query(`create database ${TEMPLATE}`)
  await client.end()
  await migrate(stack.postgres.urlOf(TEMPLATE), { name: SERVICE_ROLE })
  project.provide('postgresUrl', stack.postgres.url)
  project.provide('redisUrl', stack.redis.url)
  return async () => {
    await stack.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
