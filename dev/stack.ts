import { type PostgresServer, startPostgres } from './postgres.ts'
import { type RedisServer, startRedis } from './redis.ts'

/** The servers the service needs, of our own. */
export interface Stack {
  postgres: PostgresServer
  redis: RedisServer
  stop: () => Promise<void>
}

/** Starts PostgreSQL and Redis together. @param dataFolder of PostgreSQL; kept. */
export const startStack = async (dataFolder: string): Promise<Stack> => {
  const [postgres, redis] = await Promise.all([startPostgres(dataFolder), startRedis()])
  return {
    postgres,
    redis,
    stop: async () => {
      await Promise.all([postgres.stop(), redis.stop()])
    },
  }
}
