import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { guardProcess } from '../../harness/server-process.ts'

const run = promisify(execFile)
const MAX_OUTPUT = 64 * 1024 * 1024
const UP_WITHIN = 120_000

/**
 * The distribution's Docker, in a network namespace of its own, so that its bridges and rules do not touch the
 * machine's.
 */
export interface Engine {
  docker: (...args: string[]) => Promise<string>
  compose: (folder: string, ...args: string[]) => Promise<string>
  /** Runs a program that reaches the published ports. */
  inside: (command: string, ...args: string[]) => Promise<string>
  /** SIGTERM to the daemon, and its start, as when a machine restarts it. */
  restart: () => Promise<void>
  stop: () => Promise<void>
}

/** The Debian packages that are needed. Missing ones are installed; no service is started. */
const PROGRAMS: Record<string, string> = {
  dockerd: 'docker.io',
  'docker-compose': 'docker-compose',
  mmdebstrap: 'mmdebstrap',
  slirp4netns: 'slirp4netns',
  iptables: 'iptables',
}

/** @throws when a package cannot be installed: this needs Debian or Ubuntu, and root. */
export const installPrograms = async (): Promise<void> => {
  const missing: string[] = []
  for (const [program, name] of Object.entries(PROGRAMS)) {
    await run('which', [program]).catch(() => missing.push(name))
  }
  if (missing.length === 0) return
  console.log(`installing ${missing.join(', ')} ...`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  await run('apt-get', ['install', '-qqy', '--no-install-recommends', ...missing], {
    env,
    maxBuffer: MAX_OUTPUT,
  })
}

/** Starts the engine with its data below this folder. */
export const startEngine = async (folder: string): Promise<Engine> => {
  const name = `webhooks-try-${process.pid}`
  const network = `/run/netns/${name}`
  const socket = `unix://${folder}/docker.sock`
  const env = { ...process.env, DOCKER_HOST: socket, DOCKER_BUILDKIT: '0', COMPOSE_PROJECT_NAME: 'try' }
  await mkdir(folder, { recursive: true })
  await run('ip', ['netns', 'add', name])
  const slirp = spawn(
    'slirp4netns',
    ['--configure', '--mtu=65520', '--disable-host-loopback', '--netns-type=path', network, 'tap0'],
    { stdio: 'ignore' },
  )
  guardProcess(slirp, 'TERM')
  const start = async (): Promise<number> => {
    const daemon = spawn(
      'nsenter',
      [
        `--net=${network}`,
        'sh',
        '-c',
        `exec dockerd --data-root ${folder}/data --exec-root ${folder}/exec -H ${socket} --pidfile ${folder}/pid >> ${folder}/log 2>&1`,
      ],
      { stdio: 'ignore', detached: true },
    )
    guardProcess(daemon, 'TERM')
    for (const until = Date.now() + UP_WITHIN; ; await sleep(500)) {
      const answers = await run('docker', ['info'], { env }).then(
        () => true,
        () => false,
      )
      if (answers) return Number(await readFile(join(folder, 'pid'), 'utf8'))
      if (Date.now() > until) throw new Error(`dockerd does not answer; its log is in ${folder}/log`)
    }
  }
  let pid = await start()
  const end = async (): Promise<void> => {
    process.kill(pid, 'SIGTERM')
    for (const until = Date.now() + UP_WITHIN; existsSync(`/proc/${pid}`); await sleep(200)) {
      if (Date.now() > until) throw new Error('dockerd does not end')
    }
  }
  const call = async (command: string, args: string[], cwd = folder): Promise<string> => {
    try {
      const { stdout } = await run(command, args, { env, cwd, maxBuffer: MAX_OUTPUT })
      return stdout
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
      const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-30).join('\n')
      throw new Error(`${command} ${args.join(' ')} failed:\n${said}`, { cause: error })
    }
  }
  return {
    docker: (...args) => call('docker', args),
    compose: (project, ...args) => call('docker-compose', args, project),
    inside: (command, ...args) => call('nsenter', [`--net=${network}`, command, ...args]),
    restart: async () => {
      await end()
      pid = await start()
    },
    stop: async () => {
      await end()
      slirp.kill()
      await unmountBelow(folder)
      await run('ip', ['netns', 'del', name])
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const unmountBelow = async (folder: string): Promise<void> => {
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`))
  for (const path of mounts.reverse()) await run('umount', ['-l', path]).catch(() => {})
}
