import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findOnPath } from '../harness/executable.ts'
import { onPort } from '../harness/port.ts'
import { SEEDED, seed } from '../harness/seed.ts'
import { startServerProcess } from '../harness/server-process.ts'
import { startStack } from '../harness/stack.ts'
import { buildApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { migrate } from '../src/migrate.ts'
import { PROVIDER_NAMES, providers } from '../src/providers/index.ts'
import { createMailgunSigner, mailFields, multipart } from '../src/simulators/mailgun/sign.ts'
import type { SignedRequest } from '../src/simulators/signed-request.ts'

// Runs docs/nginx.conf, as it stands but for addresses and paths, in front of two replicas and posts through it.

const nginx = findOnPath('nginx') ?? '/usr/sbin/nginx'
const folder = mkdtempSync(join(tmpdir(), 'webhooks-proxy-'))
chmodSync(folder, 0o755) // nginx's workers and Postgres are other users
const stack = await startStack(join(folder, 'postgres'), { temporary: true })
await migrate(stack.postgres.url)
await seed(stack.postgres.url)
const mailgun = createMailgunSigner()
const keyOf = { mailgun: mailgun.key } as Record<string, string>
const played = await Promise.all(
  PROVIDER_NAMES.map(async (name) => ({ name, ...(await providers[name].simulator()).play(keyOf[name]) })),
)
const config = readConfig({
  DATABASE_URL: stack.postgres.url,
  REDIS_URL: stack.redis.url,
  LOG_LEVEL: 'silent',
  TRUST_PROXY: '1',
  CONSOLE_PASSWORD: 'through the proxy',
  ...Object.assign({}, ...played.map(({ environment }) => environment)),
})
const replicas = await Promise.all([buildApp(config), buildApp(config)])
const senders = new Set<string>()
for (const app of replicas) app.addHook('onRequest', async ({ ip }) => void senders.add(ip))
const ports = await Promise.all(
  replicas.map(async (app) => new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port),
)

const certificate = join(folder, 'proxy')
execFileSync('openssl', [
  ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost'.split(' '),
  ...['-keyout', `${certificate}.key`, '-out', `${certificate}.crt`],
])
const written = readFileSync(new URL('../docs/nginx.conf', import.meta.url), 'utf8')
const { port, proxy } = await onPort(undefined, async (port) => {
  const file = join(folder, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  writeFileSync(
    file,
    written
      .replace('events {}', `daemon off; pid ${folder}/pid; error_log stderr notice; events {}`)
      .replace(
        'http {',
        `http { access_log off; ${temporary.map((n) => `${n}_temp_path ${folder}/${n};`).join(' ')}`,
      )
      .replace('10.0.0.11:3000', `127.0.0.1:${ports[0]}`)
      .replace('10.0.0.12:3000', `127.0.0.1:${ports[1]}`)
      .replace('listen 443', `listen 127.0.0.1:${port}`)
      .replace('allow 10.0.0.0/8', 'allow 127.0.0.1')
      .replaceAll('/etc/nginx/tls/api.roleferry.com', certificate),
  )
  execFileSync(nginx, ['-t', '-q', '-c', file], { stdio: 'inherit' })
  const args = ['-c', file]
  return {
    port,
    proxy: await startServerProcess({
      command: nginx,
      args,
      ready: 'start worker process',
      endSignal: 'QUIT',
    }),
  }
})

interface Answer {
  status: number | undefined
  body: string
}
const agent = new Agent({ rejectUnauthorized: false, keepAlive: true })
const send = (path: string, sent: Partial<SignedRequest> & { method?: string }): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { method = 'POST', headers = {}, body = Buffer.alloc(0) } = sent
    const posted = request(`https://127.0.0.1:${port}${path}`, {
      method,
      agent,
      headers: { ...headers, 'content-length': String(body.length), 'x-forwarded-for': '203.0.113.66' },
    })
    posted.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode, body: text }))
    })
    posted.on('error', reject)
    posted.end(body)
  })

let wrong = 0
const check = (what: string, right: boolean, answer: Answer): void => {
  if (!right) wrong++
  console.log(
    `${right ? '✓' : '✗'} ${what}: ${answer.status} ${answer.body.slice(0, 110).replaceAll(/\s+/g, ' ')}`,
  )
}
const is = (answer: Answer, status: number, text: string) =>
  answer.status === status && answer.body.includes(text)
const mailOf = (id: string, bytes: number): SignedRequest =>
  multipart(
    [
      ...mailFields({
        recipient: SEEDED.mailbox,
        sender: SEEDED.contact,
        headers: [
          ['From', SEEDED.contact],
          ['Subject', 'Re: Your opening'],
          ['Message-Id', `<${id}@mail.example>`],
        ],
        text: 'My papers are attached.',
      }),
      ...mailgun.sign(),
    ],
    [{ field: 'attachment-1', name: 'papers.pdf', type: 'application/pdf', content: Buffer.alloc(bytes) }],
  )
const MIB = 1024 * 1024

try {
  for (const { name, samples } of played) {
    const [first, sample] = Object.entries(samples)[0] ?? []
    if (sample === undefined) continue
    const request = sample(SEEDED, new Date()).sign(new Date())
    const answer = await send(providers[name].path, request)
    check(`${name} ${first}`, is(answer, 200, '"accepted":1'), answer)
    const again = await send(providers[name].path, request)
    check('  again', is(again, 200, 'duplicate'), again)
    const unsigned = await send(providers[name].path, {
      ...request,
      body: Buffer.from(String(request.body).replaceAll(/[a-f]/g, 'x')),
    })
    check('  tampered', unsigned.status === (name === 'stripe' ? 400 : 401), unsigned)
  }
  for (const size of [9, 39]) {
    const answer = await send(providers.mailgun.path, mailOf(`large-${size}`, size * MIB))
    check(`a mail of ${size} MiB`, is(answer, 200, '"accepted":1'), answer)
  }
  const tooLarge = await send(providers.mailgun.path, mailOf('too-large', 40 * MIB))
  check('one over 40 MiB is refused by the service', is(tooLarge, 413, 'WEBHOOK_TOO_LARGE'), tooLarge)
  for (const path of [
    '/console/../webhooks/x',
    '/console/%2e%2e/webhooks/x',
    '/console/x%2f..%2f..%2fwebhooks/x',
  ]) {
    const answer = await send(path, { method: 'GET' })
    check(`${path} is no way to the console`, is(answer, 404, 'FST_ERR_NOT_FOUND'), answer)
  }
  const outside = await send('/readyz', { method: 'GET' })
  check('/readyz is not for outside', outside.status === 404, outside)
  const login = { authorization: `Basic ${Buffer.from('a:through the proxy').toString('base64')}` }
  const page = await send('/console/events', { method: 'GET', headers: login })
  check('the console', is(page, 200, 'outreach'), page)
  const form = { ...login, 'content-type': 'application/x-www-form-urlencoded' }
  for (const [origin, status] of [
    [`https://127.0.0.1:${port}`, 200],
    ['https://evil.example', 403],
  ] as const) {
    const answer = await send('/console/replay', {
      headers: { ...form, origin },
      body: Buffer.from('reason=through+the+proxy&type=processed'),
    })
    check(`a replay from ${origin}`, answer.status === status, { ...answer, body: '' })
  }
  await replicas[0]?.close()
  const [sample] = Object.values(played[0]?.samples ?? {})
  for (let n = 0; sample !== undefined && n < 4; n++) {
    const answer = await send(providers.sendgrid.path, sample(SEEDED, new Date()).sign(new Date()))
    check('with one replica gone', is(answer, 200, '"accepted":1'), answer)
  }
  check('the service sees the sender nginx saw', [...senders].join() === '127.0.0.1', {
    status: 200,
    body: [...senders].join(),
  })
} finally {
  agent.destroy()
  await proxy.end('SIGQUIT')
  await Promise.all(replicas.map((app) => app.close()))
  await stack.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(wrong === 0 ? 0 : 1) // whatever is still open
