import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer } from 'smtp-server'

/** The commands a mail server can refuse. */
export type SmtpStage = 'MAIL FROM' | 'RCPT TO' | 'DATA'

/** A mail as it arrived, read by another library than the one that wrote it. */
interface ReceivedMail extends Email {
  /** The addresses it was sent to, whatever its headers say. */
  recipients: string[]
  /** When it was read to its end, before it was answered. */
  arrivedAt: Date
  /** Its bytes, headers and all. */
  raw: string
}

export interface MailServer {
  url: string
  port: number
  /** What was accepted, in the order of arrival. */
  received: ReceivedMail[]
  /** What was read to its end and refused then. */
  refused: ReceivedMail[]
  stop: () => Promise<void>
}

export interface MailServerOptions {
  /** 0 for a free one. */
  port?: number
  /** The code with which the server answers a command, when it is to refuse. `address` is the one of the command. */
  refuse?: (stage: SmtpStage, address: string) => number | undefined | Promise<number | undefined>
}

/** A real SMTP server on loopback that keeps what it is sent, for tests and the demo. */
export const startMailServer = async ({
  port = 0,
  refuse = () => undefined,
}: MailServerOptions = {}): Promise<MailServer> => {
  const received: ReceivedMail[] = []
  const refused: ReceivedMail[] = []
  const answer = (stage: SmtpStage, address: string, callback: (error?: Error) => void): void => {
    const decide = async () => {
      const responseCode = await refuse(stage, address)
      if (responseCode === undefined) callback()
      else callback(Object.assign(new Error(`${address} is refused`), { responseCode }))
    }
    decide().catch(callback)
  }
  const server = new SMTPServer({
    // Its own certificate has expired, and nobody logs in.
    disabledCommands: ['STARTTLS', 'AUTH'],
    authOptional: true,
    closeTimeout: 200,
    onMailFrom: ({ address }, _session, callback) => answer('MAIL FROM', address, callback),
    onRcptTo: ({ address }, _session, callback) => answer('RCPT TO', address, callback),
    onData: (stream, { envelope: { rcptTo } }, callback) => {
      const recipients = rcptTo.map(({ address }) => address)
      const read = async () => {
        const raw = await buffer(stream)
        const arrivedAt = new Date()
        const mail = { ...(await PostalMime.parse(raw)), recipients, arrivedAt, raw: raw.toString() }
        answer('DATA', recipients.join(), (error) => {
          const kept = error === undefined ? received : refused
          kept.push(mail)
          callback(error)
        })
      }
      read().catch(callback)
    },
  })
  server.on('error', () => {}) // a client that went away
  server.listen(port, '127.0.0.1')
  await once(server.server, 'listening')
  const address = server.server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    port: address.port,
    received,
    refused,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
