import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unpackDebianPackage } from './debian-packages.ts'
import { findOnPath } from './executable.ts'

const CACHE = fileURLToPath(new URL('../.cache', import.meta.url))

/** A program of a Debian package. */
export interface DebianProgram {
  /** The package's, and of the folder below `.cache` where it is unpacked. */
  package: string
  /** Where the program is in the package. */
  path: string
  /** What to do where there is no apt. */
  hint: string
}

/** A program and the environment that it needs. */
export interface FoundProgram {
  command: string
  env: NodeJS.ProcessEnv
}

/**
 * Takes a program from the PATH, else from `.cache`, where its Debian package is unpacked the first time.
 *
 * @throws with how to get it when it is missing and cannot be fetched.
 */
export const findProgram = async ({ package: name, path, hint }: DebianProgram): Promise<FoundProgram> => {
  const installed = findOnPath(path.slice(path.lastIndexOf('/') + 1))
  if (installed !== undefined) return { command: installed, env: process.env }
  const folder = join(CACHE, name.replace(/-server$/, ''))
  const command = join(folder, path)
  // A link into a package that is not installed does not count.
  if (!existsSync(command)) {
    await rm(folder, { recursive: true, force: true })
    console.error(`fetching ${name} (once) ...`)
    await unpackDebianPackage(name, folder).catch((cause) => {
      throw new Error(`There is no ${name} on the PATH, and none could be fetched with apt. ${hint}`, {
        cause,
      })
    })
  }
  const libraries = await libraryFolders(folder)
  return { command, env: { ...process.env, LD_LIBRARY_PATH: libraries.join(delimiter) } }
}

/** Debian keeps shared libraries in one folder per kind of machine. */
const libraryFolders = async (root: string): Promise<string[]> => {
  const found: string[] = []
  for (const folder of [join(root, 'lib'), join(root, 'usr/lib')]) {
    if (!existsSync(folder)) continue
    const entries = await readdir(folder, { withFileTypes: true })
    found.push(
      folder,
      ...entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name)),
    )
  }
  return found
}
