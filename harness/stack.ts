import { type PostgresOptions, type PostgresServer, startPostgres } from './postgres.ts'
import { type RedisServer, startRedis } from './redis.ts'

/** The servers the service needs, of our own. */
export interface Stack {
  postgres: PostgresServer
  redis: RedisServer
  stop: () => Promise<void>
}

/**
 * Starts PostgreSQL and Redis together.
 *
 * @param dataFolder of PostgreSQL; kept, unless it is `temporary` and this process ends without `stop()`.
 */
export const startStack = async (dataFolder: string, options: PostgresOptions = {}): Promise<Stack> => {
  const starting: [Promise<PostgresServer>, Promise<RedisServer>] = [
    startPostgres(dataFolder, options),
    startRedis(),
  ]
  try {
    const [postgres, redis] = await Promise.all(starting)
    return {
      postgres,
      redis,
      stop: async () => {
        await Promise.all([postgres.stop(), redis.stop()])
      },
    }
  } catch (error) {
    // The one that did start must not stay.
    await Promise.all(
      starting.map((one) =>
        one.then(
          (server) => server.stop(),
          () => {},
        ),
      ),
    )
    throw error
  }
}
