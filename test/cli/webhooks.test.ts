import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createMailgunSigner } from '../../src/simulators/mailgun/sign.ts'
import { bodyOf, createSendgridSigner } from '../../src/simulators/sendgrid/sign.ts'
import { createStripeSigner } from '../../src/simulators/stripe/sign.ts'
import { asService } from '../database.ts'
import { post } from '../provider-contract.ts'
import { event, seedOutreach } from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service, startService } from '../service.ts'
import { storeEvents } from '../stored.ts'
import { PROGRAM, webhooks, webhooksAlone } from './run.ts'

// Every command, against a running service; a few in a process of their own, as operators run them.

vi.setConfig({ testTimeout: 120_000 }) // a process takes its time to start on a busy machine

const sendgrid = createSendgridSigner()
const mailgun = createMailgunSigner()
const stripe = createStripeSigner()
const serviceKeys = {
  SENDGRID_WEBHOOK_KEY: sendgrid.publicKey,
  STRIPE_WEBHOOK_SECRET: stripe.secret,
  STRIPE_PRICE_PRO: 'price_pro',
  STRIPE_PRICE_TEAMS: 'price_teams',
  MAILGUN_WEBHOOK_SIGNING_KEY: mailgun.key,
}
const keys = { ...serviceKeys, SENDGRID_PRIVATE_KEY: sendgrid.privateKey }
let service: Service
let env: Record<string, string>
beforeAll(async () => {
  service = await startService({
    env: serviceKeys,
  })
  // The rights of the service are enough.
  env = { DATABASE_URL: asService(service.databaseUrl), REDIS_URL: service.redisUrl, ...keys }
  for (const id of [1, 2]) await seedOutreach(service, id)
})
afterAll(() => service.stop())
beforeEach(() => service.rows('truncate webhook_deliveries, webhook_queue, webhook_events cascade'))

const run = (...args: string[]) => webhooks(args, env)
const json = async (...args: string[]) => {
  const ended = await run(...args, '--json')
  expect(ended).toMatchObject({ code: 0 })
  return JSON.parse(ended.stdout)
}
const deliver = async (...events: unknown[]) => {
  const answer = await post(service, '/webhooks/sendgrid', sendgrid.sign(Buffer.from(bodyOf(events))))
  await service.settled()
  return answer
}
const clicks = async (id = 1) =>
  Number((await service.rows('select link_clicks from outreach where id = $1', id))[0]?.link_clicks)
const insertDead = async (error: string, type = 'click') => {
  const { outreach_id, ...rest } = event(type)
  const [id] = await storeEvents(service.db, [
    {
      eventId: String(rest.sg_event_id),
      eventType: type,
      subject: 'outreach:1',
      payload: { ...rest, outreach_id },
      status: 'dead',
      attempts: 8,
      lastError: error,
    },
  ])
  return String(id)
}

describe('every command', () => {
  for (const args of [
    [],
    ['send'],
    ['events'],
    ['events', 'list'],
    ['events', 'show'],
    ['events', 'replay'],
    ['events', 'tail'],
    ['dead'],
    ['dead', 'list'],
    ['dead', 'replay'],
    ['dead', 'discard'],
    ['keys'],
    ['keys', 'check'],
    ['mailboxes'],
    ['mailboxes', 'list'],
    ['mailboxes', 'resume'],
    ['refused'],
    ['refused', 'list'],
    ['refused', 'show'],
    ['outage'],
    ['pause'],
    ['resume'],
    ['audit'],
    ['audit', 'list'],
    ['status'],
    ['forget'],
    ['redis'],
    ['redis', 'forget'],
  ]) {
    test(`webhooks ${args.join(' ')} --help`, async () => {
      const alone = args.length === 0 || args[0] === 'status'
      const ended = await (alone ? webhooksAlone : webhooks)([...args, '--help'])
      expect(ended).toMatchObject({ code: 0, stderr: '' })
      expect(ended.stdout).toContain(`Usage: webhooks ${args.join(' ')}`)
    })
  }

  for (const [why, args, says] of [
    ['an unknown command', ['sned'], 'Did you mean send'],
    ['an unknown option', ['events', 'list', '--colour'], 'unknown option'],
    ['an unknown provider', ['send', 'twilio', 'click'], 'Allowed choices are'],
    ['an unknown event', ['send', 'sendgrid', 'clicked'], 'There are: processed'],
    ['a malformed time', ['events', 'list', '--since', 'yesterday'], 'Expected a time'],
    ['a malformed position', ['events', 'list', '--after', 'x'], 'not a position'],
    ['a replay without a reason', ['events', 'replay', '1'], '--reason'],
    ['a replay of nothing in particular', ['events', 'replay', '--reason', 'x', '--yes'], 'Which events?'],
    ['a malformed address', ['forget', 'ana'], 'Expected an e-mail address'],
    ['no terminal to ask on', ['forget', 'ana@acme.example'], '--yes'],
  ] as const) {
    test(`ends with 2 for ${why}`, async () => {
      const ended = await (args[0] === 'sned' ? webhooksAlone : webhooks)([...args], env)
      expect(ended.code).toBe(2)
      expect(ended.stderr).toContain(says)
      expect(ended.stderr).not.toContain('    at ')
    })
  }

  test('ends with 2 without a database, and with 1 when it is away', async () => {
    const development = await webhooks(['status'], { DATABASE_URL: 'localhost' })
    expect(development).toMatchObject({ code: 2, stderr: expect.stringContaining('DATABASE_URL: expected') })
    const away = await webhooks(['status'], { DATABASE_URL: 'postgres://a:secret@127.0.0.1:9/x' })
    expect(away).toMatchObject({ code: 1, stderr: expect.stringContaining('does not answer') })
    expect(away.stderr).not.toContain('secret')
  })
})

describe('webhooks send', () => {
  const send = (...args: string[]) => run('send', ...args, '--url', service.url)

  test('sends an event that is applied', async () => {
    const before = await clicks(2)
    expect(await send('sendgrid', 'click', '--outreach', '2')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"accepted":1'),
    })
    await service.settled()
    expect(await clicks(2)).toBe(before + 1)
  })

  test('--count sends others, --duplicate the same twice', async () => {
    const answers = await json(
      'send',
      'sendgrid',
      'click',
      '--count',
      '3',
      '--duplicate',
      '--url',
      service.url,
    )
    expect(answers).toHaveLength(6)
    await service.settled()
    expect(await service.rows('select count(*)::int as n from webhook_events')).toEqual([{ n: 3 }])
  })

  for (const [provider, name] of [
    ['sendgrid', 'click'],
    ['stripe', 'invoice.paid'],
    ['mailgun', 'reply'],
  ] as const) {
    test(`--tamper is refused by the verification of ${provider}, with exit code 1`, async () => {
      const ended = await send(provider, name, '--tamper')
      expect(ended).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('1 of 1 deliveries were refused'),
      })
      expect(ended.stdout).toContain('WEBHOOK_SIGNATURE_INVALID')
    })
  }

  for (const name of [
    'processed',
    'deferred',
    'delivered',
    'bounce',
    'dropped',
    'open',
    'spamreport',
    'unsubscribe',
    'group_unsubscribe',
  ]) {
    test(`sendgrid ${name} is accepted and understood`, async () => {
      expect(await send('sendgrid', name, '--outreach', '2')).toMatchObject({ code: 0 })
      await service.settled()
      expect(await service.rows('select event_type, status, subject from webhook_events')).toEqual([
        {
          event_type: name,
          status: /deferred|open/.test(name) ? 'ignored' : 'processed',
          subject: 'outreach:2',
        },
      ])
    })
  }

  test.each([
    ['sendgrid', 'account_status_change', 'account_status_change', 'processed', null],
    ['sendgrid', 'unknown_type', 'bounced', 'ignored', 'never seen before'],
    ['sendgrid', 'dropped_without_reason', 'dropped', 'skipped', 'without a usable "reason"'],
    ['stripe', 'unknown_type', 'invoice.settled', 'ignored', 'never seen before'],
    ['stripe', 'unknown_status', 'customer.subscription.updated', 'skipped', 'unknown subscription status'],
    ['stripe', 'paid_without_subscription', 'invoice.paid', 'skipped', 'names no subscription'],
    ['stripe', 'charge.refunded', 'charge.refunded', 'processed', null],
    ['stripe', 'charge.dispute.created', 'charge.dispute.created', 'processed', null],
  ])('%s %s ends as its rule says', async (provider, name, type, status, why) => {
    expect(await send(provider, name)).toMatchObject({ code: 0 })
    await service.settled()
    expect(await service.rows('select event_type, status, misunderstood from webhook_events')).toEqual([
      { event_type: type, status, misunderstood: why === null ? null : expect.stringContaining(why) },
    ])
  })

  test('stripe: every event is accepted, applied, and belongs to the same subscription', async () => {
    await service.rows(`update users set stripe_customer_id = 'cus_Sam' where id = 1`)
    for (const [name, tier, status] of [
      ['customer.subscription.created', 'pro', 'active'],
      ['invoice.paid', 'pro', 'active'],
      ['invoice.payment_succeeded', 'pro', 'active'],
      ['invoice.payment_failed', 'pro', 'past_due'],
      ['invoice.voided', 'pro', 'past_due'],
      ['customer.subscription.updated', 'pro', 'past_due'],
      ['customer.subscription.deleted', 'free', 'canceled'],
    ] as const) {
      // Stripe's times are whole seconds: of two changes in one second nobody sees the order.
      await new Promise((resolve) => setTimeout(resolve, 1_000 - (Date.now() % 1_000)))
      expect(await send('stripe', name)).toMatchObject({ code: 0 })
      await service.settled()
      expect(
        await service.rows(`select subscription_tier, subscription_status from users where id = 1`),
      ).toEqual([{ subscription_tier: tier, subscription_status: status }])
    }
  })

  for (const [name, kind] of [
    ['reply', 'reply'],
    ['auto_reply', 'auto_reply'],
    ['bounce', 'bounce'],
    ['stop', 'reply'],
  ] as const) {
    test(`mailgun ${name} is accepted as a ${kind}`, async () => {
      await service.rows('truncate inbound_messages')
      expect(await send('mailgun', name, '--duplicate')).toMatchObject({ code: 0 })
      await service.settled()
      expect(await service.rows('select kind, matched_by from inbound_messages')).toEqual([
        { kind, matched_by: kind === 'reply' ? 'thread' : null },
      ])
    })
  }

  test('says so when nobody answers, or when there is no key', async () => {
    const nobody = await run('send', 'sendgrid', 'click', '--url', 'http://127.0.0.1:9')
    expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining('Nobody answers') })
    const wrong = await run('send', 'sendgrid', 'click', '--url', service.url, '--key', 'MFkw')
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot sign with this key') })
  })
})

describe('webhooks events', () => {
  test('list shows what matches, the newest first, page by page', async () => {
    await deliver(event('click'))
    await deliver(event('open'))
    await deliver(event('bounce', { outreach_id: '2' }))
    const { events } = await json('events', 'list')
    expect(events.map((one: { eventType: string }) => one.eventType)).toEqual(['bounce', 'open', 'click'])
    const first = await json('events', 'list', '--limit', '2')
    const second = await json('events', 'list', '--limit', '2', '--after', first.next)
    expect([first.events.length, second.events.length, second.next]).toEqual([2, 1, null])
    const table = await run(
      'events',
      'list',
      '--search',
      'outreach:2',
      '--since',
      '1h',
      '--status',
      'processed',
    )
    expect(table.stdout.trim().split('\n')).toHaveLength(2)
    expect(table.stdout).toMatch(
      /^id +received +provider +type +status +about +error\n\d+ +\S+Z +sendgrid +bounce +processed +outreach:2 +-\n$/,
    )
  })

  test('list and replay take what was not understood, and say why', async () => {
    await deliver(event('click'), event('open'), event('re-opened', { sg_event_id: 'new-type' }))
    const table = await run('events', 'list', '--misunderstood')
    expect(table.stdout).toMatch(/\n.*the event type "re-opened" was never seen before.*\n$/)
    const { events } = await json('events', 'list', '--misunderstood')
    expect(events).toMatchObject([
      { eventId: 'new-type', status: 'ignored', misunderstood: expect.stringContaining('"re-opened"') },
    ])
    expect((await run('events', 'show', 'new-type')).stdout).toMatch(
      /not understood +the event type "re-opened"/,
    )
    const replay = ['events', 'replay', '--misunderstood', '--reason', 'to see']
    expect(await run(...replay)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^Replay 1 event\?/),
    })
    expect(await json(...replay, '--yes')).toMatchObject({
      replayed: 1,
    })
    await service.settled()
  })

  test('lets no text of a sender control the terminal', async () => {
    await deliver(event('\u001b[2J\u009bnasty\r\n', { outreach_id: undefined, note: '\u001b]0;owned\u0007' }))
    const { stdout } = await run('events', 'list')
    const [row] = await service.rows('select id from webhook_events')
    const shown = await run('events', 'show', String(row?.id))
    for (const text of [stdout, shown.stdout]) expect(text).not.toMatch(/[^\P{Cc}\n]/u)
  })

  test('show takes a row id or the id its provider gave', async () => {
    const spam = event('spamreport')
    await deliver(spam)
    const shown = await json('events', 'show', String(spam.sg_event_id))
    expect(shown).toMatchObject({ eventType: 'spamreport', payload: { sg_event_id: spam.sg_event_id } })
    expect(shown.notifications).toEqual([expect.objectContaining({ channel: 'slack' })])
    expect((await run('events', 'show', shown.id)).stdout).toContain('"outreach_id": "1"')
    expect(await run('events', 'show', 'nothing')).toMatchObject({ code: 3 })
  })

  test('replay processes events again, by id or by filter, and notes who and why', async () => {
    await deliver(event('click'), event('click'))
    const before = await clicks()
    const { events } = await json('events', 'list')
    expect(await json('events', 'replay', events[0].id, '--reason', 'to see')).toMatchObject({ replayed: 1 })
    await service.settled()
    const all = ['events', 'replay', '--type', 'click', '--reason', 'to see again']
    expect(await run(...all)).toMatchObject({ code: 2, stderr: expect.stringContaining('Replay 2 events?') })
    expect(await json(...all, '--yes')).toMatchObject({ replayed: 2, left: 0 })
    service.advance(1_000)
    await service.settled()
    expect(await clicks()).toBe(before)
    const { actions } = await json('events', 'show', events[0].id)
    expect(actions).toEqual([
      expect.objectContaining({ action: 'replay', reason: 'to see', via: 'command line' }),
      expect.objectContaining({ action: 'replay', reason: 'to see again' }),
    ])
    expect(await run('events', 'replay', '--type', 'nothing', '--reason', 'x', '--yes')).toMatchObject({
      code: 3,
    })
    expect(await run('events', 'replay', 'nothing', '--reason', 'x')).toMatchObject({ code: 3 })
  })
})

describe('webhooks mailboxes', () => {
  const pause = () =>
    service.rows(
      `update mailboxes set paused_at = now(), paused_reason = '3 of 60 mails were reported as spam' where id = 2`,
    )

  test('list shows what the guard paused, first', async () => {
    await pause()
    expect((await json('mailboxes', 'list')).mailboxes).toMatchObject([
      { email: 'Box2@rf-send-01.com', pausedReason: '3 of 60 mails were reported as spam' },
      { email: 'Box1@rf-send-01.com', pausedAt: null },
    ])
    expect((await run('mailboxes', 'list')).stdout).toContain('3 of 60 mails were reported as spam')
  })

  test('resume lets it send again, and notes who and why', async () => {
    await pause()
    const ended = await run('mailboxes', 'resume', 'BOX2@rf-send-01.com', '--reason', 'the list is cleaned')
    expect(ended).toMatchObject({ code: 0, stdout: 'BOX2@rf-send-01.com is resumed\n' })
    expect(await service.rows('select paused_at, resumed_at from mailboxes where id = 2')).toEqual([
      { paused_at: null, resumed_at: expect.any(Date) },
    ])
    expect(
      await service.rows('select subject, reason, via from operator_actions where subject is not null'),
    ).toEqual([
      { subject: 'mailbox:box2@rf-send-01.com', reason: 'the list is cleaned', via: 'command line' },
    ])
  })

  test('resume ends with 1 for one that is not paused, and with 3 for one that is not there', async () => {
    expect(await run('mailboxes', 'resume', 'box1@rf-send-01.com')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is not paused'),
    })
    expect(await run('mailboxes', 'resume', 'nobody@rf-send-01.com')).toMatchObject({ code: 3 })
  })
})

describe('webhooks dead', () => {
  test('list shows them, or counts them by error', async () => {
    await insertDead('boom')
    await insertDead('boom')
    await insertDead('bang', 'bounce')
    await deliver(event('click'))
    expect((await json('dead', 'list')).events).toHaveLength(3)
    expect((await json('dead', 'list', '--by-error')).groups).toMatchObject([
      { count: 2, error: 'boom' },
      { count: 1, error: 'bang' },
    ])
    expect((await json('dead', 'list', '--by-error', '--type', 'bounce')).groups).toMatchObject([
      { count: 1, error: 'bang' },
    ])
    expect((await run('dead', 'list', '--type', 'bounce')).stdout).toContain('bang')
  })

  test('replay applies them once their cause is gone', async () => {
    await insertDead('boom')
    const before = await clicks()
    expect(await json('dead', 'replay', '--yes', '--reason', 'fixed')).toMatchObject({ replayed: 1 })
    await service.settled()
    expect(await clicks()).toBe(before + 1)
    expect(await run('dead', 'replay', '--yes', '--reason', 'fixed')).toMatchObject({ code: 3 })
  })

  test('discard gives up on dead events, and leaves all others', async () => {
    const first = await insertDead('boom')
    await insertDead('bang')
    await deliver(event('click'))
    expect(await json('dead', 'discard', first, '--reason', 'nonsense')).toEqual({ discarded: 1 })
    expect(await json('dead', 'discard', '--yes', '--reason', 'nonsense')).toEqual({ discarded: 1 })
    expect(await run('dead', 'discard', '--yes', '--reason', 'nonsense')).toMatchObject({ code: 3 })
    expect(await service.rows('select status, last_error from webhook_events order by id')).toEqual([
      { status: 'skipped', last_error: 'discarded: nonsense' },
      { status: 'skipped', last_error: 'discarded: nonsense' },
      { status: 'processed', last_error: null },
    ])
  })
})

describe('webhooks status', () => {
  test('tells what came, what waits, what was refused and what is dead', async () => {
    const other = await startService({ env: { SENDGRID_WEBHOOK_KEY: sendgrid.publicKey } })
    try {
      await seedOutreach(other, 1)
      const events = [event('click'), event('open'), event('click', { outreach_id: '77' })]
      await post(other, '/webhooks/sendgrid', sendgrid.sign(Buffer.from(bodyOf(events))))
      await other.settled()
      await other.rows(
        `insert into webhook_events (provider, event_id, event_type, status, last_error) values ('stripe', 'evt_1', 'invoice.paid', 'dead', 'boom')`,
      )
      await fetch(`${other.url}/webhooks/sendgrid`, { method: 'POST', body: '[]' })
      const status = (...args: string[]) => webhooks(['status', ...args], { DATABASE_URL: other.databaseUrl })
      const told = await eventually(async () => {
        const found = JSON.parse((await status('--json')).stdout)
        const counted = found.providers.some(({ refused }: { refused: number }) => refused > 0)
        return counted && found.refusals.length > 0 ? found : undefined
      }, 'the refused delivery and the counts are stored')
      const of = (name: string) =>
        told.providers.find(({ provider }: { provider: string }) => provider === name)
      expect(of('sendgrid')).toMatchObject({
        processed: 1,
        ignored: 1,
        later: 1,
        refused: 1,
        lastEventAt: expect.any(String),
      })
      expect(of('stripe')).toMatchObject({ processed: 0, due: 0 })
      expect(of('mailgun')).toMatchObject({ lastEventAt: null })
      expect(told.dead).toMatchObject([{ count: 1, providers: ['stripe'], error: 'boom' }])
      const { stdout } = await status()
      // Which figures are of which time.
      for (const title of [
        'Now',
        'The last 24 hours',
        'Refused deliveries, in the last 24 hours',
        'Dead events, of all time',
      ]) {
        expect(stdout).toContain(title)
      }
      expect(stdout).toContain('boom')
    } finally {
      await other.stop()
    }
  })
})

test('webhooks redis forget empties what Redis remembers; nothing is applied again', async () => {
  let one = event('click')
  // The inbox was emptied a moment ago, by this file: the service may still be dropping the keys for that.
  await eventually(async () => {
    one = event('click')
    await deliver(one)
    return (await json('redis', 'forget', '--yes')).forgotten > 0 || undefined
  }, 'Redis remembered an event')
  const before = await clicks()
  expect(await json('redis', 'forget', '--yes')).toEqual({ forgotten: 0 })
  expect((await deliver(one)).body).toMatchObject({ status: 'duplicate' })
  expect(await clicks()).toBe(before)
})

describe('webhooks events tail', () => {
  test('shows what is there, then what comes, and ends with 0 when it is interrupted', async () => {
    const first = event('click')
    await deliver(first)
    const child = spawn(process.execPath, [PROGRAM, 'events', 'tail', '--type', 'click', '--json'], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      printed += chunk
    })
    const seen = () => printed.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line).eventId]))
    await eventually(() => seen().length === 1 || undefined, 'the first is shown', 60)
    const second = event('click')
    await deliver(second, event('open'))
    await eventually(() => seen().length === 2 || undefined, 'the second is shown', 60)
    expect(seen()).toEqual([first.sg_event_id, second.sg_event_id])
    child.kill('SIGINT')
    const [code] = await once(child, 'close')
    expect(code).toBe(0)
  }, 300_000)
})
