import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Starts something on `port`, or on a free port of loopback when none is given. Another program may take a free
 * port before it is used, so then the next one is tried.
 */
export const onPort = async <T>(
  port: number | undefined,
  start: (port: number) => Promise<T>,
): Promise<T> => {
  if (port !== undefined) return start(port)
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (attempt === 5 || !/address already in use/i.test(String(error))) throw error
    }
  }
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port on loopback')
  return address.port
}
