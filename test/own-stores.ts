import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Stack, startStack } from '../harness/stack.ts'
import { migrate } from '../src/migrate.ts'
import { SERVICE_ROLE } from './template.ts'

/** A migrated Postgres and a Redis of one's own, for tests that stop them or put their data back. */
export const startOwnStores = async (): Promise<Stack> => {
  const folder = join(tmpdir(), `webhooks-stores-${crypto.randomUUID()}`)
  const { postgres, redis } = await startStack(join(folder, 'postgres'), { temporary: true })
  await migrate(postgres.url, { name: SERVICE_ROLE })
  return {
    postgres,
    redis,
    stop: async () => {
      await Promise.all([postgres.stop('immediate'), redis.stop()])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
