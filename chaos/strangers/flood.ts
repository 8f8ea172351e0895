import { Agent, request } from 'node:http'
import { createMailgunSigner, urlencoded } from '../../src/simulators/mailgun/sign.ts'
import { bodyOf, createSendgridSigner } from '../../src/simulators/sendgrid/sign.ts'
import type { SignedRequest } from '../../src/simulators/signed-request.ts'
import { createStripeSigner } from '../../src/simulators/stripe/sign.ts'

// Posts deliveries that are unsigned, or signed with a wrong key, as fast as they are answered.

export interface FloodReport {
  answered: number
  /** Connections refused or cut, while a body was still being sent for instance. */
  unanswered: number
  byStatus: Record<number, number>
}

const [url, connections] = process.argv.slice(2) as [string, string]
const sendgrid = createSendgridSigner()
const stripe = createStripeSigner()
const mailgun = createMailgunSigner()
const events = (bytes: number) => Buffer.from(bodyOf([{ event: 'click', pad: 'x'.repeat(bytes) }]))
const KIB = 1024

/** Made once: a flood costs its sender little. */
const requests: { path: string; request: SignedRequest; share: number }[] = [
  {
    path: '/webhooks/sendgrid',
    request: { headers: { 'content-type': 'application/json' }, body: events(500) },
    share: 20,
  },
  { path: '/webhooks/sendgrid', request: sendgrid.sign(events(500)), share: 30 },
  {
    path: '/webhooks/stripe',
    request: stripe.sign(JSON.stringify({ id: 'evt_1', pad: 'x'.repeat(2 * KIB) })),
    share: 20,
  },
  {
    path: '/webhooks/mailgun-inbound',
    request: urlencoded([['body-plain', 'x'.repeat(20 * KIB)], ...mailgun.sign()]),
    share: 20,
  },
  { path: '/webhooks/sendgrid', request: sendgrid.sign(events(500 * KIB)), share: 7 },
  { path: '/webhooks/sendgrid', request: sendgrid.sign(events(4_500 * KIB)), share: 3 },
]
const drawn = requests.flatMap((one) => Array<typeof one>(one.share).fill(one))

const report: FloodReport = { answered: 0, unanswered: 0, byStatus: {} }
const agent = new Agent({ keepAlive: true })

const post = ({ path, request: { headers, body } }: (typeof requests)[number]): Promise<void> =>
  new Promise((resolve) => {
    const outgoing = request(url + path, {
      agent,
      method: 'POST',
      headers: {
        ...headers,
        'content-length': body.length,
        'x-forwarded-for': `198.51.${Math.floor(Math.random() * 100)}.${Math.floor(Math.random() * 250)}`,
      },
      signal: AbortSignal.timeout(30_000),
    })
    outgoing.on('response', (response) => {
      const status = response.statusCode ?? 0
      report.answered++
      report.byStatus[status] = 1 + (report.byStatus[status] ?? 0)
      response.resume()
      response.on('error', resolve)
      response.on('end', resolve)
    })
    outgoing.on('error', () => {
      report.unanswered++
      resolve()
    })
    outgoing.end(body)
  })

const flood = async (): Promise<void> => {
  for (;;) await post(drawn[Math.floor(Math.random() * drawn.length)] as (typeof requests)[number])
}
for (let n = 0; n < Number(connections); n++) void flood()
setInterval(() => process.send?.(report), 100)
