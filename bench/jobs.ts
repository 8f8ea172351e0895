import { PgBoss } from 'pg-boss'

/** Opens the queue of a database to put jobs into it. */
export const openJobs = async (databaseUrl: string): Promise<PgBoss> => {
  const boss = new PgBoss({
    connectionString: databaseUrl,
    migrate: false,
    supervise: false,
    schedule: false,
  })
  boss.on('error', () => {}) // whatever is asked of it rejects as well
  return boss.start()
}
