import { connect } from 'node:net'

// Keeps many idle connections open: half of them silent, half with a request head that never ends. Connections that the
// service cuts are opened again.

export interface IdleReport {
  open: number
  /** Ended by the service. */
  cut: number
}

const [port, wanted] = process.argv.slice(2).map(Number) as [number, number]
/** The kernel holds some hundred connections that are not accepted yet. */
const OPENED_AT_ONCE = 200
let open = 0
let opening = 0
let cut = 0

const begin = (silent: boolean): void => {
  opening++
  const socket = connect(port, '127.0.0.1')
  let connected = false
  socket.once('connect', () => {
    connected = true
    opening--
    open++
    if (!silent) socket.write('POST /webhooks/sendgrid HTTP/1.1\r\nhost: idle.example\r\n')
  })
  socket.on('data', () => {})
  socket.on('error', () => {})
  socket.once('close', () => {
    if (!connected) opening--
    else {
      open--
      cut++
    }
  })
}

setInterval(() => {
  for (let n = open + opening; n < wanted && opening < OPENED_AT_ONCE; n++) begin(n % 2 === 0)
}, 20)
setInterval(() => process.send?.({ open, cut } satisfies IdleReport), 100)
