import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { findOnPath } from './executable.ts'

const run = promisify(execFile)
const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']

/**
 * The path of a Chromium: the one of `CHROMIUM_PATH`, else of the PATH, else Debian's, which is installed.
 *
 * @throws with how to get one when it is missing and cannot be installed.
 */
export const findChromium = async (): Promise<string> => {
  const wanted = process.env.CHROMIUM_PATH
  if (wanted !== undefined && wanted !== '') return wanted
  const present = findOnPath(...NAMES)
  if (present !== undefined) return present
  console.error('installing Chromium (once) ...')
  const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' }
  const options = { env, maxBuffer: 64 * 1024 * 1024 }
  try {
    await run('apt-get', ['update'], options)
    await run('apt-get', ['install', '--yes', '--no-install-recommends', 'chromium'], options)
  } catch (cause) {
    throw new Error(
      'There is no Chromium on the PATH, and apt could not install it (that needs root). ' +
        'Install one (Debian: `apt-get install chromium`), or set CHROMIUM_PATH.',
      { cause },
    )
  }
  const installed = findOnPath(...NAMES)
  if (installed === undefined)
    throw new Error('apt installed Chromium, but it is not on the PATH: set CHROMIUM_PATH.')
  return installed
}
