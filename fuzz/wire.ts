import { connect } from 'node:net'

/** A request before it is written to the wire; nothing about it need be well-formed. */
export interface WireRequest {
  method: string
  target: string
  version: string
  /** In order; a name may repeat. `content-length` and the like are given here too. */
  headers: [name: string, value: string][]
  body: Buffer
}

export const toWire = ({ method, target, version, headers, body }: WireRequest): Buffer =>
  Buffer.concat([
    Buffer.from(
      `${method} ${target} ${version}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
      'latin1',
    ),
    body,
  ])

export interface Answer {
  /** Undefined when none came. */
  status?: number
  headers: string
  body: string
  /** Whether the connection ended before an answer came. */
  closed: boolean
}

const HEAD_END = '\r\n\r\n'

/** The first final answer in what a connection received, a character per byte; undefined while it is not whole. */
const readAnswer = (text: string, closed: boolean): Answer | undefined => {
  const end = text.indexOf(HEAD_END)
  if (end === -1) return undefined
  const headers = text.slice(0, end)
  const rest = text.slice(end + HEAD_END.length)
  const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(headers)?.[1])
  if (status >= 100 && status < 200) return readAnswer(rest, closed)
  const length = /^content-length: *(\d+)/im.exec(headers)?.[1]
  if (!closed && (length === undefined || rest.length < Number(length))) return undefined
  return { status, headers, body: length === undefined ? rest : rest.slice(0, Number(length)), closed }
}

/**
 * Writes bytes to a new connection and reads the answer.
 *
 * @param within milliseconds to wait for it.
 */
export const exchange = (port: number, bytes: Buffer, within: number): Promise<Answer> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const finish = (answer: Answer) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(() => finish({ headers: '', body: text, closed: false }), within)
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      text += chunk
      const answer = readAnswer(text, false)
      if (answer !== undefined) finish(answer)
    })
    socket.on('error', () => {}) // 'close' follows
    socket.on('close', () => finish(readAnswer(text, true) ?? { headers: '', body: text, closed: true }))
    socket.write(bytes)
  })
