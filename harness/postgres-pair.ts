import { execFile } from 'node:child_process'
import { chown, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { type PostgresServer, startPostgres } from './postgres.ts'
import { findServerUser } from './postgres-cluster.ts'

const run = promisify(execFile)

/** What a copy of a running server must not contain; the folders must exist, but be empty. */
const EMPTIED = [
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
].map((folder) => `${folder}/*`)
const LEFT_OUT = ['postmaster.pid', 'postmaster.opts', 'standby.signal', 'postgresql.auto.conf', 'pgsql_tmp*']
/** The exit code of tar for a file that changed while it was read, which the backup mode allows. */
const CHANGED = 1

const SETTINGS = [
  'wal_keep_size=256MB',
  // The default of 5 s is what a promotion may then take, too.
  'wal_retrieve_retry_interval=200ms',
]
const FOLLOWS_WITHIN = 30_000

/** A primary and a standby, which may change places. A COMMIT returns when both have it on disk. */
export interface PostgresPair {
  /** The one that takes writes, or did until it was stopped. */
  primary: () => PostgresServer
  standby: () => PostgresServer
  /** Of both, in the order in which they were made. */
  ports: number[]
  /** A URL that names both. */
  urlOf: (database: string, user?: string) => string
  /** Makes the standby the primary. The old one has to be down. @returns when it takes writes. */
  promote: () => Promise<void>
  /** Makes the old primary a standby of the new one, from a copy: as it was, it would be a second primary. */
  rejoin: () => Promise<void>
  stop: () => Promise<void>
}

/** Starts a pair of our own, in folders below this one. */
export const startPostgresPair = async (folder: string): Promise<PostgresPair> => {
  const options = { temporary: true, settings: SETTINGS }
  let primary = await startPostgres(join(folder, 'a'), options)
  let standby = await startStandby(primary, join(folder, 'b'))
  const ports = [primary.port, standby.port]
  return {
    primary: () => primary,
    standby: () => standby,
    ports,
    urlOf: (database, user = 'postgres') =>
      `postgres://${user}:postgres@${ports.map((port) => `127.0.0.1:${port}`).join()}/${database}?target_session_attrs=read-write`,
    promote: async () => {
      await asOwner(standby, 'select pg_promote(true, 60)')
      ;[primary, standby] = [standby, primary]
    },
    rejoin: async () => {
      standby = await startStandby(primary, standby.folder, standby.port)
    },
    stop: async () => {
      await Promise.all([primary.stop('immediate'), standby.stop('immediate')])
    },
  }
}

/** @throws Postgres's own error. */
const asOwner = async (server: PostgresServer, ...statements: string[]): Promise<pg.QueryResult[]> => {
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  try {
    const results: pg.QueryResult[] = []
    for (const statement of statements) results.push(await client.query(statement))
    return results
  } finally {
    await client.end()
  }
}

/** Starts a standby from a copy, and makes the primary wait for it. */
const startStandby = async (
  primary: PostgresServer,
  folder: string,
  port?: number,
): Promise<PostgresServer> => {
  await copyRunning(primary, folder)
  const name = `standby_${folder.slice(-1)}`
  const source = `host=127.0.0.1 port=${primary.port} user=postgres application_name=${name}`
  const standby = await startPostgres(folder, {
    ...(port === undefined ? {} : { port }),
    temporary: true,
    settings: [...SETTINGS, `primary_conninfo=${source}`],
  })
  // Only once it streams, or every COMMIT would wait for a standby that is not there.
  await untilInState(primary, name, 'async')
  await asOwner(primary, `alter system set synchronous_standby_names = '${name}'`, 'select pg_reload_conf()')
  await untilInState(primary, name, 'sync')
  return standby
}

const untilInState = async (primary: PostgresServer, name: string, state: string): Promise<void> => {
  for (const until = Date.now() + FOLLOWS_WITHIN; ; await sleep(50)) {
    const [found] = await asOwner(
      primary,
      `select from pg_stat_replication where application_name = '${name}' and state = 'streaming' and sync_state = '${state}'`,
    )
    if (found?.rowCount === 1) return
    if (Date.now() > until) throw new Error(`the standby ${name} is not streaming (${state})`)
  }
}

/**
 * Copies a server that goes on running. Its settings of `alter system` are left out: a standby that is promoted with the
 * name of its own standby in them would wait for itself.
 */
const copyRunning = async (server: PostgresServer, folder: string): Promise<void> => {
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  await mkdir(folder, { recursive: true })
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  try {
    await client.query(`select pg_backup_start('copy', true)`)
    const archive = join(folder, '..', `copy-${crypto.randomUUID()}.tar`)
    const excluded = [...EMPTIED, ...LEFT_OUT].map((pattern) => `--exclude=./${pattern}`)
    await run('tar', [...excluded, '-C', server.folder, '-cf', archive, '.']).catch((error) => {
      if (error.code !== CHANGED) throw error
    })
    await run('tar', ['-C', folder, '-xpf', archive])
    await rm(archive)
    const { rows } = await client.query('select labelfile from pg_backup_stop(false)')
    await writeFile(join(folder, 'backup_label'), rows[0].labelfile)
  } finally {
    await client.end()
  }
  const user = await findServerUser()
  const mine = async (path: string) => {
    if (user !== undefined) await chown(path, user.uid, user.gid)
  }
  for (const name of ['archive_status', 'summaries'].map((made) => join(folder, 'pg_wal', made))) {
    await mkdir(name)
    await mine(name)
  }
  await writeFile(join(folder, 'standby.signal'), '')
  for (const name of ['backup_label', 'standby.signal']) await mine(join(folder, name))
}
