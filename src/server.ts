import closeWithGrace from 'close-with-grace'
import { buildApp } from './app.ts'
import { type Config, ConfigError, readConfig } from './config.ts'

/** Milliseconds in which the service stops, whatever hangs: 3.3 s of draining, then the batch and the queue. */
const STOP_WITHIN = 7_500

const start = async (config: Config): Promise<void> => {
  const app = await buildApp(config)
  const grace = closeWithGrace(
    { delay: STOP_WITHIN, skip: ['SIGINT', 'SIGTERM'], logger: app.log },
    async ({ err }) => {
      if (err) app.log.fatal({ err }, 'stopping after an unexpected error')
      await app.close()
    },
  )
  // A second signal must not cut requests under way: npm passes Ctrl-C on although the service got it itself.
  let asked = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (asked) return
      asked = true
      app.log.info({ signal }, 'stopping')
      void grace.close()
    })
  }
  await app.listen({ host: config.HOST, port: config.PORT })
}

try {
  await start(readConfig(process.env))
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : error)
  process.exit(1)
}
