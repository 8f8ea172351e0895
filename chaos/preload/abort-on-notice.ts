import pg from 'pg'

// Loaded into the service with --import by the scenario `poison`: the process aborts when Postgres says so, which a
// trigger does in the middle of a handler's statement. So the service's own code has no fault point.

export const ABORT_NOTICE = 'chaos: abort'

const emit = pg.Client.prototype.emit
pg.Client.prototype.emit = function (event: string | symbol, ...args: unknown[]) {
  const [notice] = args as [{ message?: string }?]
  if (event === 'notice' && notice?.message === ABORT_NOTICE) process.abort()
  return emit.call(this, event, ...args)
}
