import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { EXIT } from '../src/cli/outcome.ts'
import { createMailgunSigner } from '../src/simulators/mailgun/sign.ts'
import { createSendgridSigner } from '../src/simulators/sendgrid/sign.ts'
import type { SignedRequest } from '../src/simulators/signed-request.ts'
import { createStripeSigner } from '../src/simulators/stripe/sign.ts'
import { webhooks } from './cli/run.ts'
import { post } from './provider-contract.ts'
import { event, seedOutreach } from './providers/sendgrid/deliveries.ts'
import { type StripeApi, startStripeApi } from './providers/stripe/api-server.ts'
import { eventually, type Service, startService } from './service.ts'
import { storeEvents } from './stored.ts'

// Every command in the docs: those of the service's own command line are run here, page by page, against a running
// service; of every other it is written down where it is run.

vi.setConfig({ testTimeout: 180_000 }) // a process takes its time to start on a busy machine

/** Commands that are not run here, and why. */
const ELSEWHERE: [RegExp, reason: string][] = [
  [/^npm install$/, '.ci/run'],
  [/^npm test$/, 'this is it'],
  [/^npx vitest run test\//, 'a part of this'],
  [/^npm run (check|format|chaos)\b/, '.ci/run, which runs what CONTRIBUTING says'],
  [/^\.ci\/run$/, 'CI'],
  [/^npm run (dev|demo)$/, 'dev/: they need the machine’s ports, and run this same service'],
  [/^npm start$/, 'test/server.test.ts'],
  [/^npm run db:migrate\b/, 'test/db/rights.test.ts'],
  [/^npm run db:generate\b/, 'writes a file; `npm run check` compares what it would write'],
  [/^npm run datadog\b/, 'test/datadog-deploy.test.ts'],
  [/^docker compose\b/, 'npm run compose:check'],
  [/^npm run webhooks -- send( …)?$/, 'names the command'],
  [/^(export|psql|curl|tcpflow|stripe|cloudflared) /, 'a command of the shell, or of another project'],
  [
    /^npm run webhooks -- \S+ (send )?calendar\b|--provider calendar|calendar booked/,
    'the page’s made-up provider',
  ],
]

/** The commands of a page's shell blocks and of its text, without comments. */
const commandsOf = (page: string): string[] => {
  const text = readFileSync(page, 'utf8')
  const blocks = [...text.matchAll(/^ *```sh\n(.*?)^ *```/gms)].map((match) => match[1] as string)
  const lines = blocks
    .flatMap((block) =>
      block
        .replaceAll(/\\\n\s*/g, '')
        .replaceAll(/'\{\n.*?\}'/gs, "'…'")
        .split('\n'),
    )
    .flatMap((line) => line.replace(/(^|\s+)#(?=([^"]*"[^"]*")*[^"]*$).*$/, '').split(' && '))
  const inText = [...text.matchAll(/`(npm run (?:-s )?webhooks -- [a-z][^`]*)`/g)].map(
    (match) => match[1] as string,
  )
  return [...lines, ...inText]
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^[A-Z_]+=/.test(line))
}

const WEBHOOKS = /^npm run (?:-s )?webhooks -- /
const isElsewhere = (command: string): boolean => ELSEWHERE.some(([pattern]) => pattern.test(command))

const pages = globSync('**/*.md', { exclude: (name) => /^(node_modules|\.cache|\.data)$/.test(name) }).sort()
const commands = pages.map((page) => [page, [...new Set(commandsOf(page))]] as const)

const keys = {
  sendgrid: createSendgridSigner(),
  stripe: createStripeSigner(),
  mailgun: createMailgunSigner(),
}
const folder = mkdtempSync(join(tmpdir(), 'docs-'))
let service: Service
let api: StripeApi
let env: Record<string, string>
beforeAll(async () => {
  const serviceKeys = {
    SENDGRID_WEBHOOK_KEY: keys.sendgrid.publicKey,
    STRIPE_WEBHOOK_SECRET: keys.stripe.secret,
    MAILGUN_WEBHOOK_SIGNING_KEY: keys.mailgun.key,
    STRIPE_PRICE_PRO: 'price_pro',
    STRIPE_PRICE_TEAMS: 'price_teams',
  }
  service = await startService({ env: serviceKeys })
  api = await startStripeApi()
  env = {
    ...serviceKeys,
    ...api.env,
    SENDGRID_PRIVATE_KEY: keys.sendgrid.privateKey,
    DATABASE_URL: service.databaseUrl, // the owner's, which `forget` asks for
    REDIS_URL: service.redisUrl,
    WEBHOOKS_URL: service.url,
  }
  await seedOutreach(service, 1)
})
afterAll(async () => {
  await Promise.all([service.stop(), api.stop()])
  rmSync(folder, { recursive: true })
})

const capture = ({ headers, body }: SignedRequest): string => {
  const file = join(folder, `${crypto.randomUUID()}.http`)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  writeFileSync(file, Buffer.concat([Buffer.from(`${lines.join('')}\r\n`), Buffer.from(body)]))
  return file
}

/** What the pages speak of: a dead event, a refused delivery, a paused mailbox. @returns what stands for their dots */
const prepare = async () => {
  await service.rows('truncate webhook_deliveries, webhook_queue, webhook_events, webhook_pauses cascade')
  const id = `evt_${crypto.randomUUID()}`
  await storeEvents(service.db, [
    {
      provider: 'stripe',
      eventId: id,
      eventType: 'invoice.paid',
      payload: { id, type: 'invoice.paid' },
      status: 'dead',
      attempts: 8,
      lastError: 'no such price: 7',
    },
  ])
  const body = Buffer.from(JSON.stringify([event('click')]))
  await post(service, '/webhooks/sendgrid', createSendgridSigner().sign(body))
  await service.rows(
    `insert into mailboxes (id, email, paused_at, paused_reason) values (99, 'sam@rf-send-01.com', now(), 'bounces')
     on conflict (id) do update set paused_at = now()`,
  )
  return {
    event: id,
    refused: async () => {
      // Stored after the answer.
      const stdout = await eventually(async () => {
        const listed = await webhooks(['refused', 'list', '--json'], env)
        return listed.stdout.includes('"id"') ? listed.stdout : undefined
      }, 'the refused delivery is stored')
      return String(JSON.parse(stdout).deliveries[0].id)
    },
    captures: {
      sendgrid: capture(keys.sendgrid.sign(body)),
      stripe: capture(
        keys.stripe.sign(JSON.stringify({ id, object: 'event', type: 'invoice.paid' }), new Date()),
      ),
    },
  }
}

/** Words as a shell would divide them. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|(<[^>]*>|\S)+/g)].map(([word, quoted]) => quoted ?? word)

test('every command that is not run here names the test that runs it', () => {
  const unknown = commands.flatMap(([page, all]) =>
    all
      .filter((command) => !WEBHOOKS.test(command) && !isElsewhere(command))
      .map((command) => `${page}: ${command}`),
  )
  expect(unknown).toEqual([])
  const unused = ELSEWHERE.filter(
    ([pattern]) => !commands.some(([, all]) => all.some((one) => pattern.test(one))),
  )
  expect(unused).toEqual([])
})

describe.each(commands.filter(([, all]) => all.some((one) => WEBHOOKS.test(one) && !isElsewhere(one))))(
  '%s',
  (_page, all) => {
    test('says commands that work', async () => {
      const made = await prepare()
      for (const command of all.filter((one) => WEBHOOKS.test(one) && !isElsewhere(one))) {
        const asked = command.replace(WEBHOOKS, '')
        const [name = ''] = asked.split(' ')
        const refused = asked.startsWith('refused show') ? await made.refused() : ''
        const line = asked
          .replace(
            /capture\.http|captures\/<[^>]*>/,
            made.captures[asked.includes('stripe') ? 'stripe' : 'sendgrid'],
          )
          .replace('<id>', refused || made.event)
          .replace('<type>', 'invoice.paid')
          .replaceAll('cus_…', 'cus_1')
          .replaceAll('…', 'no such price: #')
          .replace(/ADDRESS$/, 'ana@acme.example')
        const yes =
          /^(dead (replay|discard)|events replay|forget|redis forget)\b/.test(line) && !line.includes('--yes')
        const words = [
          ...wordsOf(line),
          ...(yes ? ['--yes'] : []),
          ...(name === 'send' ? ['--url', service.url] : []),
        ]
        const { code, stderr } = await webhooks(words, env)
        // There may be nothing of what is asked for or nothing to do, and users may differ from Stripe. But the command is understood.
        const fine = [
          EXIT.ok,
          EXIT.notFound,
          ...(name === 'stripe' ? [EXIT.failed, EXIT.incomparable] : []),
          ...(asked.startsWith('events replay --status pending') ? [EXIT.failed] : []),
        ]
        expect(fine, `${command}: ${stderr}`).toContain(code)
      }
    })
  },
)
