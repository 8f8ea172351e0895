import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { onPort } from '../harness/port.ts'
import { residentBytes, type ServerProcess, startServerProcess } from '../harness/server-process.ts'
import { startStack } from '../harness/stack.ts'
import { migrate } from '../src/migrate.ts'
import {
  createMailgunSigner,
  type FormFields,
  mailFields,
  multipart,
  urlencoded,
} from '../src/simulators/mailgun/sign.ts'
import type { SignedRequest } from '../src/simulators/signed-request.ts'

// How much memory the largest mails take: posts them to the service, started as in production, and watches its resident
// memory. Exits with 1 when that grows too much.

const MIB = 1024 * 1024

const signer = createMailgunSigner()
let serial = 0
const signedMail = (): FormFields => {
  serial++
  const headers: FormFields = [
    ['From', 'Ana <ana@acme.example>'],
    ['Subject', 'Re: Quick question'],
    ['Message-Id', `<memory-${serial}@mail.example>`],
  ]
  const mail = { recipient: 'sam@rf-send-01.com', sender: 'ana@acme.example', headers, text: 'Tuesday.' }
  return [...mailFields(mail), ...signer.sign()]
}
const small = () => urlencoded(signedMail())

/** A form of exactly this length: `fill` is the length of its last field or file. */
const filled = (bytes: number, make: (fill: number) => SignedRequest): SignedRequest =>
  make(bytes - make(0).body.length)

const withAttachments = () => {
  const fields = signedMail()
  return filled(40 * MIB, (fill) =>
    multipart(
      fields,
      [0.5, 0.3, 0.2].map((part, n) => ({
        field: `attachment-${n + 1}`,
        name: `${n + 1}.pdf`,
        type: 'application/pdf',
        content: Buffer.alloc(n === 0 ? fill - Math.floor(0.3 * fill) - Math.floor(0.2 * fill) : part * fill),
      })),
    ),
  )
}
/** Every character of the HTML takes six in the form, which is the most expensive to decode. */
const withLongHtml = () => {
  const fields = signedMail()
  return filled(8 * MIB, (fill) =>
    urlencoded([...fields, ['body-html', 'ü'.repeat(fill / 6)], ['pad', 'x'.repeat(fill % 6)]]),
  )
}

const post = async (url: string, { headers, body }: SignedRequest): Promise<number> => {
  const response = await fetch(`${url}/webhooks/mailgun-inbound`, {
    method: 'POST',
    headers,
    body: new Uint8Array(body),
  }).catch(() => undefined) // the connection was closed while the body was still sent
  await response?.text()
  return response?.status ?? 503
}

/** Posts as a provider does: again, after a 503. */
const deliver = async (url: string, request: SignedRequest): Promise<number[]> => {
  const statuses = [await post(url, request)]
  while (statuses.at(-1) === 503) {
    await sleep(200)
    statuses.push(await post(url, request))
  }
  return statuses
}

/** How much memory grows above what an idle service takes, in MiB. */
const measure = async (url: string, { pid }: ServerProcess, requests: SignedRequest[]) => {
  for (let n = 0; n < 50; n++) await post(url, small())
  await sleep(1_000)
  const idle = await residentBytes(pid)
  let peak = idle
  const note = (bytes: number) => {
    peak = Math.max(peak, bytes)
  }
  const look = setInterval(() => void residentBytes(pid).then(note), 20)
  const statuses = (await Promise.all(requests.map((request) => deliver(url, request)))).flat()
  await sleep(500)
  clearInterval(look)
  const odd = statuses.find((status) => status !== 200 && status !== 503)
  if (odd !== undefined) throw new Error(`a delivery was answered with ${odd}`)
  const answers = [200, 503].map((status) => [statuses.filter((one) => one === status).length, status])
  return {
    answers: answers.flatMap(([count, status]) => (count === 0 ? [] : `${count} × ${status}`)).join(', '),
    growth: Math.round((peak - idle) / MIB),
  }
}

/** `most`: MiB. */
const CASES = [
  { name: 'multipart, 40 MiB', make: withAttachments, atOnce: 1, most: 64 },
  { name: 'multipart, 40 MiB, 4 at once', make: withAttachments, atOnce: 4, most: 160 },
  { name: 'urlencoded, 8 MiB', make: withLongHtml, atOnce: 1, most: 64 },
  { name: 'urlencoded, 8 MiB, 4 at once', make: withLongHtml, atOnce: 4, most: 160 },
]

const stack = await startStack(fileURLToPath(new URL(`../.data/memory-${process.pid}`, import.meta.url)), {
  temporary: true,
})
let right = true
try {
  await migrate(stack.postgres.url)
  console.log(`${' '.repeat(30)} answers            resident memory`)
  for (const { name, make, atOnce, most } of CASES) {
    const { url, server } = await onPort(undefined, async (port) => ({
      url: `http://127.0.0.1:${port}`,
      server: await startServerProcess({
        command: process.execPath,
        args: [fileURLToPath(new URL('../src/server.ts', import.meta.url))],
        env: {
          ...process.env,
          HOST: '127.0.0.1',
          PORT: String(port),
          DATABASE_URL: stack.postgres.url,
          REDIS_URL: stack.redis.url,
          MAILGUN_WEBHOOK_SIGNING_KEY: signer.key,
        },
        ready: 'Server listening',
        endSignal: 'KILL',
      }),
    }))
    const { answers, growth } = await measure(url, server, Array.from({ length: atOnce }, make))
    await server.end('SIGTERM')
    console.log(name.padEnd(30), answers.padEnd(18), `+${growth} MiB`.padEnd(8), `of at most ${most}`)
    if (growth >= most) right = false
  }
} finally {
  await stack.stop()
  rmSync(stack.postgres.folder, { recursive: true, force: true })
}
process.exitCode = right ? 0 : 1
