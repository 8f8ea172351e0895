import type { Socket } from 'node:net'

/**
 * What a sender still sends after its answer is read and dropped. The limits: for how long (ms), how many bytes, and on
 * how many connections at once. nginx does the same (`lingering_close`). The bytes are a bit more than the largest
 * body, so that a sender that reads nothing before it has sent everything learns that its body was too large.
 */
const LINGER = { time: 5_000, silence: 2_000, bytes: 48 * 1024 * 1024, connections: 500 }

/**
 * Lets the answer to a request that is still arriving reach its sender. Node closes such a connection at once; the kernel
 * answers what arrives then with a reset, which destroys the answer on its way. Here only the sending half is closed after
 * the answer, and the rest of the request is read and dropped for a moment.
 *
 * @returns a function that prepares a connection for this. It applies whenever Node closes the connection while
 * `isArriving` is true.
 */
export const createLingeringClose = (isArriving: (socket: Socket) => boolean) => {
  let lingering = 0

  const linger = (socket: Socket): void => {
    let dropped = 0
    const end = () => socket.destroy()
    const drop = (chunk: Buffer) => {
      dropped += chunk.length
      silence.refresh()
      if (dropped > LINGER.bytes) end()
    }
    const silence = setTimeout(end, LINGER.silence)
    const time = setTimeout(end, LINGER.time)
    lingering++
    socket.once('close', () => {
      lingering--
      clearTimeout(silence)
      clearTimeout(time)
    })
    socket.on('error', end)
    // Node's parser must not see more: there would be another request to answer.
    const others = socket.listeners('data') as ((chunk: Buffer) => void)[]
    socket.on('data', drop)
    for (const other of others) socket.off('data', other)
    socket.once('end', end)
    socket.end()
    socket.resume()
  }

  return (socket: Socket): void => {
    const closeAtOnce = socket.destroySoon.bind(socket)
    let begun = false
    socket.destroySoon = () => {
      if (begun) return
      if (socket.destroyed || lingering >= LINGER.connections || !isArriving(socket)) return closeAtOnce()
      begun = true
      linger(socket)
    }
  }
}
