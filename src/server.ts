import closeWithGrace from 'close-with-grace'
import { buildApp } from './app.ts'
import { ConfigError } from './config/error.ts'
import { type Config, readConfig } from './config.ts'
import { tracesAreWanted } from './plugins/traces.ts'

/**
 * Connections that wait to be accepted, at most; the kernel's own limit may be lower. The kernel drops what arrives on
 * further ones, and the sender repeats it only after seconds.
 */
const BACKLOG = 4_096
/** Milliseconds in which the service closes, whatever hangs: 3.3 s of draining, then the batch and the queue. */
const CLOSE_WITHIN = 7_500

const start = async (config: Config): Promise<void> => {
  const app = await buildApp(config, { traces: tracesAreWanted(process.env) })
  const grace = closeWithGrace(
    { delay: CLOSE_WITHIN, skip: ['SIGINT', 'SIGTERM'], logger: app.log },
    async ({ err }) => {
      if (err) app.log.fatal({ err }, 'closing after an unexpected error')
      await app.close()
    },
  )
  // A second signal must not cut requests under way: npm passes Ctrl-C on although the service got it itself.
  let asked = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (asked) return
      asked = true
      app.log.info({ signal }, 'closing')
      void grace.close()
    })
  }
  await app
    .listen({ host: config.HOST, port: config.PORT, backlog: BACKLOG })
    .catch((error: NodeJS.ErrnoException) => {
      const problem = CANNOT_LISTEN[error.code ?? '']?.(config)
      throw problem === undefined ? error : new ConfigError([problem])
    })
}

const CANNOT_LISTEN: Record<string, (config: Config) => string> = {
  EADDRINUSE: ({ HOST, PORT }) => `PORT: ${PORT} is in use on ${HOST}; expected a free one`,
  EACCES: ({ PORT }) => `PORT: this user may not listen on ${PORT}; expected one from 1024`,
  EADDRNOTAVAIL: ({ HOST }) => `HOST: this machine has no address ${HOST}`,
  ENOTFOUND: ({ HOST }) => `HOST: there is no address of the name ${HOST}`,
  EAI_AGAIN: ({ HOST }) => `HOST: the name ${HOST} cannot be looked up`,
  EINVAL: ({ HOST }) => `HOST: ${HOST} is not an address to listen on`,
}

try {
  await start(readConfig(process.env))
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : error)
  process.exit(1)
}
