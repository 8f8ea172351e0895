import { createECDH, createPublicKey, type ECDH, randomBytes, verify } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttp, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import ece from 'http_ece'

const fixture = (name: string) => readFileSync(new URL(`../fixtures/push/${name}`, import.meta.url), 'utf8')

interface Received {
  path: string
  headers: IncomingHttpHeaders
  body: Buffer
}

/** A push service (RFC 8030) on this machine. */
export interface PushService {
  url: string
  /** What it got, the oldest first. */
  received: Received[]
  /** What it answers from now on for a path. */
  answer: (path: string, status: number, headers?: Record<string, string>) => void
  stop: () => Promise<void>
}

export const startPushService = async (protocol: 'http' | 'https'): Promise<PushService> => {
  const received: Received[] = []
  const answers = new Map<string, { status: number; headers: Record<string, string> }>()
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const path = request.url ?? ''
      received.push({ path, headers: request.headers, body: Buffer.concat(chunks) })
      const { status, headers } = answers.get(path) ?? { status: 201, headers: {} }
      response.writeHead(status, headers).end()
    })
  }
  const trusted = getCACertificates('default')
  if (protocol === 'https') setDefaultCACertificates([...trusted, fixture('localhost.crt')])
  const server =
    protocol === 'https'
      ? createHttps({ key: fixture('localhost.key'), cert: fixture('localhost.crt') }, listener)
      : createHttp(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `${protocol}://localhost:${(server.address() as AddressInfo).port}`,
    received,
    answer: (path, status, headers = {}) => void answers.set(path, { status, headers }),
    stop: async () => {
      if (protocol === 'https') setDefaultCACertificates(trusted)
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** What a browser holds of its subscription. */
export interface Browser {
  p256dh: string
  auth: string
  /** RFC 8291. @throws when the message was not encrypted for this browser. */
  decrypt: (body: Buffer) => unknown
}

export const createBrowser = (): Browser => {
  const ecdh: ECDH = createECDH('prime256v1')
  ecdh.generateKeys()
  const auth = randomBytes(16).toString('base64url')
  return {
    p256dh: ecdh.getPublicKey('base64url'),
    auth,
    decrypt: (body) =>
      JSON.parse(
        ece.decrypt(body, { version: 'aes128gcm', privateKey: ecdh, authSecret: auth }).toString('utf8'),
      ),
  }
}

/** The claims of a VAPID header (RFC 8292). @throws when it is not signed by that public key. */
export const readVapid = (header: string | undefined, publicKey: string): Record<string, unknown> => {
  const [, token = '', key] = /^vapid t=([^,]+), ?k=(.+)$/.exec(header ?? '') ?? []
  if (key !== publicKey) throw new Error('another public key')
  const [head = '', claims = '', signature = ''] = token.split('.')
  const point = Buffer.from(publicKey, 'base64url')
  const signer = createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    },
  })
  const signed = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    { key: signer, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  if (!signed) throw new Error('not signed by that key')
  return JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'))
}
