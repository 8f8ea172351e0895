import type { Socket } from 'node:net'

/**
 * How long, in milliseconds, and how much of it, in bytes, is read and dropped of what a sender still sends after it was
 * answered; and of how many connections at once. nginx does the same (`lingering_close`). It is a bit more than the
 * largest body, so that a sender that reads nothing before it has sent everything hears that it was too large.
 */
const LINGER = { time: 5_000, silence: 2_000, bytes: 48 * 1024 * 1024, connections: 500 }

/**
 * Lets the answer to a request that is still arriving reach its sender. Node closes such a connection at once; what
 * arrives then is answered by a reset, which throws the answer away on its way. Instead the sending half is closed after
 * the answer, and the rest is dropped for a moment.
 *
 * @returns a function that does so for a connection: whenever Node closes it while `isArriving` says so.
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
