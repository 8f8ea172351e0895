import { existsSync } from 'node:fs'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram } from './debian-program.ts'
import { programIn, unpackFromSuite } from './debian-suite.ts'
import { onPort } from './port.ts'
import { findServerUser } from './postgres-cluster.ts'
import { type ServerProcess, startServerProcess } from './server-process.ts'

/** Debian's first suite whose PgBouncer carries prepared statements in transaction mode. */
const SUITE = 'trixie'
const PATH = 'usr/sbin/pgbouncer'
const FOLDER = fileURLToPath(new URL(`../.cache/pgbouncer-${SUITE}`, import.meta.url))

/** A PgBouncer started here. */
export interface Pgbouncer {
  port: number
  /** `transaction`, or `session` where only an old version can be had. */
  mode: 'transaction' | 'session'
  /** Kills it at once (SIGKILL). */
  kill: () => Promise<void>
  start: () => Promise<void>
  stop: () => Promise<void>
}

/**
 * Starts PgBouncer on loopback before a Postgres there.
 *
 * @param settings lines of its section `[pgbouncer]`
 */
export const startPgbouncer = async (
  databases: string[],
  postgresPort: number,
  users: string[],
  settings: string[],
): Promise<Pgbouncer> => {
  const program = await find()
  const user = await findServerUser()
  const folder = await mkdtemp(join(tmpdir(), 'webhooks-pgbouncer-'))
  await chmod(folder, 0o755)
  const file = join(folder, 'pgbouncer.ini')
  const launch = async (port: number): Promise<ServerProcess> => {
    const lines = [
      '[databases]',
      ...databases.map((name) => `${name} = host=127.0.0.1 port=${postgresPort} dbname=${name}`),
      '[pgbouncer]',
      `listen_addr = 127.0.0.1`,
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = trust',
      `auth_file = ${folder}/users`,
      `pool_mode = ${program.mode}`,
      'server_login_retry = 1',
      ...settings,
    ]
    await writeFile(file, `${lines.join('\n')}\n`)
    await writeFile(join(folder, 'users'), users.map((name) => `"${name}" ""\n`).join(''))
    if (user !== undefined) await chown(folder, user.uid, user.gid)
    return startServerProcess({
      command: program.command,
      args: [...program.args, file],
      env: program.env,
      user,
      ready: 'process up',
      endSignal: 'KILL',
      folderToDelete: folder,
    })
  }
  let server: ServerProcess
  const port = await onPort(undefined, async (chosen) => {
    server = await launch(chosen)
    return chosen
  })
  return {
    port,
    mode: program.mode,
    kill: () => server.end('SIGKILL'),
    start: async () => {
      server = await launch(port)
    },
    stop: async () => {
      await server.end('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The newer one beside the system, else what the system has. */
const find = async (): Promise<{
  command: string
  args: string[]
  env: NodeJS.ProcessEnv
  mode: Pgbouncer['mode']
}> => {
  try {
    if (!existsSync(join(FOLDER, PATH))) await unpackFromSuite('pgbouncer', SUITE, FOLDER)
    return { ...(await programIn(FOLDER, PATH)), mode: 'transaction' }
  } catch (error) {
    console.error(`PgBouncer of ${SUITE} cannot be fetched: ${(error as Error).message.split('\n')[0]}`)
    const hint = 'Install PgBouncer (Debian: `apt-get install pgbouncer`).'
    const { command, env } = await findProgram({ package: 'pgbouncer', path: PATH, hint })
    return { command, args: [], env, mode: 'session' }
  }
}
