import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Keys } from '../keys.ts'
import type { FromGenerator, Plan, Sent, ToGenerator } from './plan.ts'

/** The load generator, as the benchmark sees it. */
export interface Load {
  /** Builds and signs the deliveries of a plan, so that sending them costs nothing. */
  prepare: (plan: Plan) => Promise<void>
  send: (plan: Plan, onProgress: (answered: number) => void) => Promise<Sent>
  stop: () => Promise<void>
}

/** Starts the load generator as a process of its own, signing with the given keys. */
export const startLoad = (keys: Keys): Load => {
  const child = fork(fileURLToPath(new URL('generator.ts', import.meta.url)), [JSON.stringify(keys)], {
    serialization: 'advanced',
  })
  const gone = once(child, 'exit').then(() => {
    throw new Error('the load generator ended')
  })
  gone.catch(() => {})
  const ask = async <T extends FromGenerator['type']>(
    message: ToGenerator,
    wanted: T,
    onProgress: (answered: number) => void = () => {},
  ): Promise<Extract<FromGenerator, { type: T }>> => {
    const answer = new Promise<Extract<FromGenerator, { type: T }>>((resolve) => {
      const read = (received: FromGenerator) => {
        if (received.type === 'progress') return onProgress(received.answered)
        if (received.type !== wanted) return
        child.off('message', read)
        resolve(received as Extract<FromGenerator, { type: T }>)
      }
      child.on('message', read)
    })
    child.send(message)
    return Promise.race([answer, gone])
  }
  return {
    prepare: async (plan) => {
      await ask({ type: 'prepare', plan }, 'prepared')
    },
    send: async (plan, onProgress) => (await ask({ type: 'run', plan }, 'sent', onProgress)).sent,
    stop: async () => {
      const exit = once(child, 'exit')
      child.disconnect()
      await exit
    },
  }
}
