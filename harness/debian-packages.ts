import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const run = (program: string, args: string[], cwd?: string) =>
  execute(program, args, { cwd, env: { ...process.env, LC_ALL: 'C' } })

/**
 * Unpacks a Debian package, its other pieces, and what else it depends on that this machine lacks, into `folder`. Nothing is installed,
 * so no service is started and root is needed only where apt has no package lists yet.
 *
 * @throws when this is no Debian or Ubuntu, or apt cannot fetch the packages.
 */
export const unpackDebianPackage = async (name: string, folder: string): Promise<void> => {
  await mkdir(dirname(folder), { recursive: true })
  // Complete or absent: another process may want it at the same time, and this one may be interrupted.
  const workplace = await mkdtemp(`${folder}-`)
  try {
    await download(name, workplace).catch(async () => {
      // There are no package lists, or they are so old that the versions in them are gone.
      await run('apt-get', ['update'])
      await download(name, workplace)
    })
    const root = join(workplace, 'root')
    const packages = (await readdir(workplace)).filter((file) => file.endsWith('.deb'))
    for (const file of packages) await run('dpkg', ['-x', join(workplace, file), root])
    await rename(root, folder).catch((error) => {
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(workplace, { recursive: true, force: true })
  }
}

/** Has apt say what it would install, then fetches that. */
const download = async (name: string, folder: string): Promise<void> => {
  const { stdout } = await run('apt-get', ['install', '--simulate', '--no-install-recommends', name])
  const missing = [...stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] as string)
  // An installed package is not listed, though what is unpacked may be a link into it.
  const names = new Set([name, ...missing, ...(await piecesOf(name))])
  await run('apt-get', ['download', ...names], folder)
}

/** Packages that a package needs in exactly its own version: they are made of the same source. */
const piecesOf = async (name: string): Promise<string[]> => {
  const { stdout } = await run('apt-cache', ['show', '--no-all-versions', name])
  const depends = /^Depends: (.*)$/m.exec(stdout)?.[1] ?? ''
  return [...depends.matchAll(/([\w.+-]+)(?::\w+)? \(= [^)]*\)/g)].map((match) => match[1] as string)
}
