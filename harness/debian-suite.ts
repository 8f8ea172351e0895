import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { FoundProgram } from './debian-program.ts'

const run = promisify(execFile)

/**
 * Unpacks a package of a newer Debian than this machine's, with everything that it needs, into `folder`: the C library
 * as well, so it runs beside the system. Nothing is installed.
 *
 * @throws when this is no Debian, or its mirror has no such suite.
 */
export const unpackFromSuite = async (name: string, suite: string, folder: string): Promise<void> => {
  await mkdir(dirname(folder), { recursive: true })
  // Complete or absent, as another process may want it at the same time.
  const workplace = await mkdtemp(`${folder}-`)
  const [lists, cache, root] = ['lists', 'cache', 'root'].map((part) => join(workplace, part)) as [
    string,
    string,
    string,
  ]
  try {
    await mkdir(join(lists, 'partial'), { recursive: true })
    await mkdir(join(cache, 'archives/partial'), { recursive: true })
    await writeFile(join(workplace, 'status'), '')
    await writeFile(join(workplace, 'sources.list'), `deb ${await mirror()} ${suite} main\n`)
    const options = [
      `Dir::Etc::sourcelist=${workplace}/sources.list`,
      'Dir::Etc::sourceparts=-',
      `Dir::State::lists=${lists}`,
      `Dir::State::status=${workplace}/status`,
      `Dir::Cache=${cache}`,
      'APT::Sandbox::User=root',
    ].flatMap((option) => ['-o', option])
    const apt = (...args: string[]) =>
      run('apt-get', ['-qq', ...options, ...args], { env: { ...process.env, LC_ALL: 'C' } })
    await apt('update')
    await apt('-y', '--no-install-recommends', '--download-only', 'install', name)
    const archives = join(cache, 'archives')
    const packages = (await readdir(archives)).filter((file) => file.endsWith('.deb'))
    for (const file of packages) await run('dpkg-deb', ['-x', join(archives, file), root])
    await rename(root, folder).catch((error) => {
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(workplace, { recursive: true, force: true })
  }
}

/** Where this machine's own packages come from. */
export const mirror = async (): Promise<string> => {
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'])
  const [first] = stdout.split('\n')
  if (!first) throw new Error('apt has no package lists here')
  return first
}

/** Runs a program that was unpacked so: with its own loader and libraries. */
export const programIn = async (folder: string, path: string): Promise<FoundProgram & { args: string[] }> => {
  const [libraries] = (await readdir(join(folder, 'usr/lib'))).filter((name) => name.endsWith('-linux-gnu'))
  const from = join(folder, 'usr/lib', libraries ?? '')
  const loader = (await readdir(from)).find((name) => name.startsWith('ld-linux'))
  if (loader === undefined) throw new Error(`there is no loader in ${from}`)
  return { command: join(from, loader), args: ['--library-path', from, join(folder, path)], env: process.env }
}
