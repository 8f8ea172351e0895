import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { ProviderName } from '../../src/providers/index.ts'
import { mailgunSimulator } from '../../src/simulators/mailgun/simulator.ts'
import { sendgridSimulator } from '../../src/simulators/sendgrid/simulator.ts'
import { stripeSimulator } from '../../src/simulators/stripe/simulator.ts'
import { webhooks } from '../cli/run.ts'
import { deliver as deliverMail, mail } from '../providers/mailgun/deliveries.ts'
import { deliver as deliverEvents, event } from '../providers/sendgrid/deliveries.ts'
import { deliver as deliverStripe, stripeEnv } from '../providers/stripe/deliveries.ts'
import { eventsOf } from '../providers/stripe/events.ts'
import { type Service, startService } from '../service.ts'
import { startWithConsole, visit } from './console.ts'

// What a console shows of a delivery is pasted to a shell and reaches a service of one's own, which has other keys.

vi.setConfig({ testTimeout: 120_000 })

const run = promisify(execFile)
const simulators = { sendgrid: sendgridSimulator, stripe: stripeSimulator, mailgun: mailgunSimulator }
const played = {
  sendgrid: sendgridSimulator.play(),
  stripe: stripeSimulator.play(),
  mailgun: mailgunSimulator.play(),
}
const WILD = 'quote \' double " dollar $(id) back `id` \\ newline \n and ünïcode 🚀'

let service: Service
let local: Service
beforeAll(async () => {
  service = await startWithConsole(stripeEnv)
  local = await startService({
    env: Object.assign({}, ...Object.values(played).map(({ environment }) => environment)),
  })
  await deliverEvents(service, event('open', { useragent: WILD }), event('processed'))
  await deliverStripe(service, eventsOf(1).subscription('created'))
  await deliverMail(service, mail({ text: WILD, headers: { Subject: 'Re: =?utf-8?q?caf=C3=A9?=' } }), [
    { field: 'attachment-1', name: 'cv.pdf', type: 'application/pdf', content: Buffer.from('%PDF') },
  ])
  await service.settled()
})
afterAll(async () => {
  await service.stop()
  await local.stop()
})

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }
const shownCommand = async (path: string): Promise<string> => {
  const page = await (await visit(service, path)).text()
  const [, shown = ''] = /<pre[^>]* id="curl"[^>]*>(.*?)<\/pre>/s.exec(page) ?? []
  return shown.replace(/&(#39|\w+);/g, (all, name: string) => ENTITIES[name] ?? all)
}

/** The service that is posted to, and the key, are said as an operator says them: in the environment. */
const paste = async (
  command: string,
  provider: ProviderName,
  key = played[provider].key,
): Promise<string> => {
  const pasted = run('sh', ['-s'], {
    env: { PATH: process.env.PATH, URL: local.url, [simulators[provider].signingKeyVariable]: key },
  })
  pasted.child.stdin?.end(command)
  return (await pasted).stdout
}

const deliveryOf = async (of: Service, provider: ProviderName) =>
  (
    await of.rows(
      'select id, body, event_count from webhook_deliveries where provider = $1 order by id',
      provider,
    )
  )[0]

test.each(['sendgrid', 'stripe', 'mailgun'] as const)(
  'a delivery of %s is accepted by a service with other keys, and is the same there',
  async (provider) => {
    const original = await deliveryOf(service, provider)
    const stdout = await paste(await shownCommand(`/console/deliveries/${original?.id}`), provider)
    expect(stdout).toContain('HTTP/1.1 200')
    expect(stdout).toContain('"status":"ok"')
    const copy = await deliveryOf(local, provider)
    const keptOf = (row: typeof copy) => {
      const text = String(row?.body)
      // Mailgun's time is that of its signature.
      return provider === 'mailgun' ? { ...JSON.parse(text), timestamp: 0 } : text
    }
    expect(keptOf(copy)).toEqual(keptOf(original))
  },
)

test('one event of a delivery is posted alone, and a wrong key is refused', async () => {
  const [row] = await service.rows(`select id from webhook_events where event_type = 'processed'`)
  const command = await shownCommand(`/console/events/${row?.id}`)
  expect(await paste(command, 'sendgrid', sendgridSimulator.play().key)).toContain('HTTP/1.1 401')
  expect(await paste(command, 'sendgrid')).toContain('HTTP/1.1 200')
})

test('the command line prints the same command, however large the delivery is', async () => {
  const large = event('open', { useragent: 'x'.repeat(300_000) })
  await deliverEvents(service, large)
  const [row] = await service.rows('select id from webhook_deliveries order by id desc limit 1')
  const page = await (await visit(service, `/console/deliveries/${row?.id}`)).text()
  expect(page).toContain(`deliveries curl ${row?.id}`)
  const printed = await webhooks(['deliveries', 'curl', String(row?.id)], {
    DATABASE_URL: service.databaseUrl,
  })
  expect(printed.code).toBe(0)
  expect(await paste(printed.stdout, 'sendgrid')).toContain('"accepted":1')
  expect((await webhooks(['deliveries', 'curl', '999'], { DATABASE_URL: service.databaseUrl })).code).toBe(3)
})
