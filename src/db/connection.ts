import { takeApart } from '../config/database-url.ts'
import { type WritableServer, writableServer } from './writable-server.ts'

/** A `DATABASE_URL`, of one server or several, as `pg` takes it. */
export const connectionTo = (databaseUrl: string): { connectionString: string } | WritableServer => {
  const { servers, mustWrite } = takeApart(databaseUrl)
  return mustWrite ? writableServer(servers) : { connectionString: databaseUrl }
}
