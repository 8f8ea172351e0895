import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from './debian-program.ts'
import { onPort } from './port.ts'
import { startServerProcess } from './server-process.ts'

const PROGRAM = {
  package: 'haproxy',
  path: 'usr/sbin/haproxy',
  hint: 'Install HAProxy 2.6 or later (Debian: `apt-get install haproxy`).',
}

const GLOBAL = `
global
  maxconn 1000
defaults
  mode tcp
  timeout connect 1s
  timeout client 1h
  timeout server 1h
  timeout check 900ms
  option clitcpka
  option srvtcpka`

/** A start-up packet of Postgres's protocol 3.0. */
const startUpPacket = (parameters: Record<string, string>): Buffer => {
  const body = Object.entries(parameters).flat().join('\0')
  const packet = Buffer.alloc(8 + body.length + 2)
  packet.writeInt32BE(packet.length, 0)
  packet.writeInt32BE(196_608, 4)
  packet.write(body, 8)
  return packet
}

const PACKET = startUpPacket({ user: 'postgres', database: 'postgres', application_name: 'haproxy' })
/** What a server that takes writes says in its answer to the log-in. */
const WRITABLE = Buffer.from('in_hot_standby\0off\0')
const TERMINATE = Buffer.from('X\0\0\0\x04')

/** A backend of Postgres servers: HAProxy uses the one that says at log-in that it takes writes. */
export const writablePostgres = (ports: number[]): string => `
  option tcp-check
  tcp-check connect
  tcp-check send-binary ${PACKET.toString('hex')}
  tcp-check expect binary ${WRITABLE.toString('hex')}
  tcp-check send-binary ${TERMINATE.toString('hex')}
  default-server inter 500ms fastinter 250ms downinter 250ms fall 2 rise 1 on-marked-down shutdown-sessions
${ports.map((port) => `  server postgres-${port} 127.0.0.1:${port} check`).join('\n')}`

/** The replicas of the service that can accept deliveries. */
export const readyReplicas = (ports: number[]): string => `
  balance leastconn
  timeout check 3s
  option httpchk GET /readyz
  http-check expect status 200
  option redispatch
  default-server inter 1s fastinter 250ms downinter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
${ports.map((port) => `  server replica-${port} 127.0.0.1:${port} check`).join('\n')}`

/** A running HAProxy with one listener. */
export interface Haproxy {
  port: number
  stop: () => Promise<void>
}

/** Starts HAProxy on loopback before a backend. @param backend as `writablePostgres` writes it */
export const startHaproxy = async (backend: string): Promise<Haproxy> => {
  const { command, env } = await findProgram(PROGRAM)
  const folder = mkdtempSync(join(tmpdir(), 'webhooks-haproxy-'))
  return onPort(undefined, async (port) => {
    const file = join(folder, 'haproxy.cfg')
    writeFileSync(
      file,
      `${GLOBAL}\nfrontend front\n  bind 127.0.0.1:${port}\n  default_backend behind\nbackend behind${backend}\n`,
    )
    const server = await startServerProcess({
      command,
      args: ['-db', '-V', '-f', file],
      env,
      ready: 'polling mechanism',
      endSignal: 'KILL',
      folderToDelete: folder,
    })
    return {
      port,
      stop: async () => {
        await server.end('SIGKILL')
        rmSync(folder, { recursive: true, force: true })
      },
    }
  })
}
