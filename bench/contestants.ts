import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { onPort } from '../harness/port.ts'
import { startServerProcess } from '../harness/server-process.ts'
import { COMPLETE_SINCE } from '../src/processed-keys/processed-keys.ts'
import type { Place } from './stack.ts'

/** A program under test, listening. */
export interface Running {
  ports: number[]
  pids: number[]
  stop: () => Promise<void>
}

/** Starts a program on a place of its own; `keys` are its settings for verifying. */
export type Start = (place: Place, keys: Record<string, string>) => Promise<Running>

/** With `BENCH_PROFILE=folder` every program leaves a CPU profile there when it stops. */
const profiling = (): Record<string, string> => {
  const folder = process.env.BENCH_PROFILE
  return folder === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` }
}

const startNode = async (
  args: string[],
  env: Record<string, string>,
): Promise<{ port: number; pid: number; stop: () => Promise<void> }> => {
  let server: Awaited<ReturnType<typeof startServerProcess>> | undefined
  const port = await onPort(undefined, async (chosen) => {
    server = await startServerProcess({
      command: process.execPath,
      args,
      env: {
        PATH: process.env.PATH,
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        PORT: String(chosen),
        ...profiling(),
        ...env,
      },
      ready: 'listening at',
      endSignal: 'KILL',
    })
    return chosen
  })
  return { port, pid: server?.pid ?? 0, stop: async () => server?.end('SIGTERM') }
}

const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url))

const startPrograms = async (commands: string[][], env: Record<string, string>): Promise<Running> => {
  const programs = await Promise.all(commands.map((args) => startNode(args, env)))
  return {
    ports: programs.map(({ port }) => port),
    pids: programs.map(({ pid }) => pid),
    stop: async () => {
      await Promise.all(programs.map(({ stop }) => stop()))
    },
  }
}

/** The arguments of Node in the script `start` of package.json. */
const startArguments = async (): Promise<string[]> => {
  const { scripts } = JSON.parse(await readFile(pathOf('../package.json'), 'utf8'))
  const [file = '', ...options] = String(scripts.start).split(' ').slice(2).reverse()
  return [...options.reverse(), pathOf(`../${file}`)]
}

/**
 * The service as shipped: started as `npm start` does it, with its defaults. It believes that Redis has seen every event
 * of the last day, as it does after its first day: until then it also asks the inbox for every event.
 */
export const startService =
  (replicas = 1): Start =>
  async (place, keys) => {
    const running = await startPrograms(Array(replicas).fill(await startArguments()), {
      DATABASE_URL: place.databaseUrl,
      REDIS_URL: place.keysUrl,
      ...keys,
      DD_DOGSTATSD_PORT: '9',
    })
    while ((await place.keys.exists(COMPLETE_SINCE)) === 0) await sleep(50)
    await place.keys.set(COMPLETE_SINCE, new Date(Date.now() - 2 * 86_400_000).toISOString())
    return running
  }

const startPeer =
  (file: string): Start =>
  (place, keys) =>
    startPrograms([[pathOf(file)]], {
      DATABASE_URL: place.databaseUrl,
      REDIS_URL: place.keysUrl,
      QUEUE_URL: place.queueUrl,
      ...keys,
    })

/** Peer (a): Fastify, a BullMQ job per event, a worker process with a Drizzle transaction per event. */
export const startBullmq: Start = async (place, keys) => {
  const [web, worker] = await Promise.all([
    startPeer('peers/bullmq-web.ts')(place, keys),
    startPeer('peers/bullmq-worker.ts')(place, keys),
  ])
  return {
    ports: web.ports,
    pids: [...web.pids, ...worker.pids],
    stop: async () => {
      await Promise.all([web.stop(), worker.stop()])
    },
  }
}

/** Peer (b): answers 200 and then applies one event after the other from memory. */
export const startPlain: Start = startPeer('peers/plain.ts')

/** Ceiling (c): verifies, parses, answers. */
export const startVerifyOnly: Start = startPeer('ceilings/verify-only.ts')

/** Reads, answers: shows what the load generator could send. */
export const startAnswerOnly: Start = startPeer('ceilings/answer-only.ts')
