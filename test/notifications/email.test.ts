import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MailServer, type SmtpStage, startMailServer } from '../../harness/mail-server.ts'
import { deliver, deliverInTurn, seedUser, startStripe } from '../providers/stripe/deliveries.ts'
import { eventsOf, MONTH, PRO, START, TEAMS } from '../providers/stripe/events.ts'
import { eventually, type Service } from '../service.ts'

/** What the server answers to a command about an address, one after the other; then it accepts. */
const refusals = new Map<string, number[]>()
const refuseAt = (stage: SmtpStage, address: string, ...codes: number[]) =>
  refusals.set(`${stage} ${address}`, codes)

let service: Service
let server: MailServer
beforeAll(async () => {
  server = await startMailServer({ refuse: (stage, to) => refusals.get(`${stage} ${to}`)?.shift() })
  service = await startStripe({ SMTP_URL: server.url, EMAIL_FROM: 'RoleFerry <hello@roleferry.example>' })
})
afterAll(async () => {
  await service.stop()
  await server.stop()
})

let user = 0
/** A fresh user and the events of their customer. */
const fresh = async (on = service, mailbox = server) => {
  const id = ++user
  await seedUser(on, id)
  const address = `user${id}@example.com`
  const mails = () => mailbox.received.filter(({ recipients }) => recipients.includes(address))
  return {
    id,
    address,
    ...eventsOf(id),
    send: (...events: unknown[]) => deliverInTurn(on, ...events),
    mails,
    /** The mails, once as many as are expected have arrived and no other is on its way. */
    arrived: async (count: number) => {
      await allEnded(on)
      expect(mails().map(({ subject }) => subject)).toHaveLength(count)
      return mails()
    },
    jobs: () =>
      on.rows(
        `select state, output, retry_count from pgboss.job where name = 'notify-email' and data #>> '{data,to}' = $1`,
        address,
      ),
    deadLetters: async () =>
      (
        await on.rows(
          `select data from pgboss.job where name = 'notify-dead' and data #>> '{data,to}' = $1`,
          address,
        )
      ).map(({ data }) => data),
  }
}
/** Resolves when no e-mail waits to be sent. */
const allEnded = (on: Service) =>
  eventually(
    async () => {
      const [row] = await on.rows(
        `select count(*)::int from pgboss.job where name = 'notify-email' and state in ('created', 'active', 'retry')`,
      )
      return row?.count === 0 ? true : undefined
    },
    'every e-mail has ended',
    60,
  )

describe('what Stripe’s events cause reaches a mail server, as text and as HTML:', () => {
  test('the welcome to each tier', async () => {
    for (const [price, tier, credits] of [
      [PRO, 'Pro', '500'],
      [TEAMS, 'Teams', '2,000'],
    ] as const) {
      const { address, subscription, send, arrived } = await fresh()
      await send(subscription('created', { price }))
      const [mail] = await arrived(1)
      expect(mail?.text?.trimEnd()).toBe(`Hello,

Your RoleFerry ${tier} subscription is active.

You have ${credits} credits for every billing period, and they are ready to use now.

Thank you for letting us help with your job search.

The RoleFerry team`)
      expect(mail).toMatchObject({
        from: { name: 'RoleFerry', address: 'hello@roleferry.example' },
        to: [{ name: '', address }],
        recipients: [address],
        subject: `Welcome to RoleFerry ${tier}!`,
      })
      expect(mail?.html).toContain(`<p>Your RoleFerry ${tier} subscription is active.</p>`)
      expect(mail?.html).toContain(`<title>Welcome to RoleFerry ${tier}!</title>`)
    }
  })

  test('a failed payment, with the invoice’s page and the date of the next attempt', async () => {
    const { id, invoice, send, arrived } = await fresh()
    const url = `https://invoice.stripe.com/i/in_sub_${id}_${START}`
    await send(invoice('payment_failed', { nextAttempt: Date.UTC(2026, 11, 3, 23, 59) / 1_000 }))
    const [mail] = await arrived(1)
    expect(mail?.subject).toBe('Your RoleFerry payment did not go through')
    expect(mail?.text).toContain('We will try again on 3 December 2026.')
    expect(mail?.text).toContain(`Pay the invoice:\n${url}\n`)
    expect(mail?.html).toContain('We will try again on 3 December 2026.')
    expect(mail?.html).toContain(`<a href="${url}" style=`)
  })

  test('the last failure, in other words', async () => {
    const { id, invoice, send, arrived } = await fresh()
    await send(invoice('payment_failed', { nextAttempt: null, attempts: 4 }))
    const [mail] = await arrived(1)
    expect(mail?.subject).toBe('Action needed: your RoleFerry payment failed')
    expect(mail?.text).toContain('we will not try again')
    expect(mail?.text).toContain(`https://invoice.stripe.com/i/in_sub_${id}_${START}`)
    expect(mail?.html).toContain('you will lose access to your plan')
  })

  test('the end of the subscription', async () => {
    const { subscription, send, arrived } = await fresh()
    await send(subscription('created'), subscription('deleted', { at: START + 60 }))
    const [, mail] = await arrived(2)
    expect(mail?.subject).toBe('Your RoleFerry subscription has ended')
    expect(mail?.text).toContain('Your RoleFerry Pro subscription has ended.')
    expect(mail?.html).toContain('<p>Your RoleFerry Pro subscription has ended.</p>')
  })

  test('marked as automatic, so that no out-of-office reply comes back', async () => {
    const { subscription, send, arrived } = await fresh()
    await send(subscription('created'))
    const [mail] = await arrived(1)
    expect(mail?.headers).toContainEqual(
      expect.objectContaining({ key: 'auto-submitted', value: 'auto-generated' }),
    )
    expect(mail?.messageId).toMatch(/^<[0-9a-f]{32}@roleferry\.example>$/)
  })
})

describe('an e-mail is requested once', () => {
  test('whichever events tell it, and however often each is delivered', async () => {
    const { subscription, invoice, send, arrived } = await fresh()
    const period = START + MONTH
    const failed = invoice('payment_failed', { period, nextAttempt: period + 99 })
    const events = [
      subscription('created', { status: 'incomplete' }),
      invoice('paid', { reason: 'subscription_create' }),
      invoice('payment_succeeded', { reason: 'subscription_create' }),
      subscription('updated', { at: START + 3 }),
      failed,
      { ...failed, id: `${failed.id}_twin` },
    ]
    await send(...events, ...events)
    await Promise.all(events.map((event) => deliver(service, event)))
    await service.settled()
    expect((await arrived(2)).map(({ subject }) => subject)).toEqual([
      'Welcome to RoleFerry Pro!',
      'Your RoleFerry payment did not go through',
    ])
  })

  test('however often its handler is retried: what fails at the commit has asked for nothing', async () => {
    const { id, subscription, send, arrived, jobs } = await fresh()
    await service.rows(`
      create function refuse() returns trigger language plpgsql as
        $$ begin raise exception 'the ledger is closed'; end $$;
      create constraint trigger refuse after insert on credit_grants
        deferrable initially deferred for each row execute function refuse()`)
    try {
      await send(subscription('created'))
      service.advance(13_000) // 10 s, spread by 20 %
      await service.settled()
      const events = await service.rows(
        'select status, attempts, last_error from webhook_events where subject = $1',
        `customer:cus_${id}`,
      )
      expect(events).toEqual([{ status: 'pending', attempts: 2, last_error: 'the ledger is closed' }])
      expect(await jobs()).toEqual([])
    } finally {
      await service.rows('drop function refuse cascade')
    }
    service.advance(3_600_000)
    await service.settled()
    const [mail] = await arrived(1)
    expect(mail?.subject).toBe('Welcome to RoleFerry Pro!')
  })
})

describe('a mail server that', () => {
  test('is away, or answers nothing, is tried again; the mail arrives once it is back', async () => {
    const away = await startMailServer()
    await away.stop()
    const { port } = away
    const other = await startStripe({ SMTP_URL: away.url, LOG_LEVEL: 'info' })
    const failures = () => other.logs.filter(({ msg }) => msg === 'notification failed')
    const held = new Set<Socket>()
    const mute = createServer((socket) => held.add(socket.on('error', () => {})))
    let back: MailServer | undefined
    try {
      const { subscription, send, jobs } = await fresh(other)
      await send(subscription('created'))
      await eventually(() => failures()[0], 'a try fails')
      mute.listen(port, '127.0.0.1')
      await eventually(() => (held.size > 0 ? true : undefined), 'the mute server is tried')
      const before = failures().length
      await eventually(() => (failures().length > before ? true : undefined), 'that try fails too')
      for (const socket of held) socket.destroy()
      await new Promise((resolve) => mute.close(resolve))

      back = await startMailServer({ port })
      await allEnded(other)
      expect(back.received.map(({ subject }) => subject)).toEqual(['Welcome to RoleFerry Pro!'])
      expect(await jobs()).toMatchObject([{ state: 'completed', output: { ending: 'sent' } }])
      expect(JSON.stringify(other.logs)).not.toContain('@example.com')
    } finally {
      for (const socket of held) socket.destroy()
      mute.close()
      await other.stop()
      await back?.stop()
    }
  }, 120_000)

  test.each([
    ['one line of 30,000 letters', `450 ${'a'.repeat(30_000)}`],
    ['an address that does not end', `450 ${'a@'.repeat(100_000)}`],
    ['a thousand lines', `${'450-again and again\r\n'.repeat(1_000)}450 again`],
  ])('answers %s costs a short line in the log', async (_, reply) => {
    const talker = createServer((socket) => {
      socket.on('error', () => {})
      socket.write('220 mail.example\r\n')
      socket.on('data', (chunk) => {
        const command = chunk.toString()
        socket.write(command.startsWith('RCPT') ? `${reply}\r\n` : '250 fine\r\n')
      })
    })
    await new Promise<void>((resolve) => talker.listen(0, '127.0.0.1', resolve))
    const { port } = talker.address() as AddressInfo
    const other = await startStripe({ SMTP_URL: `smtp://127.0.0.1:${port}`, LOG_LEVEL: 'info' })
    try {
      const { subscription, send, jobs } = await fresh(other)
      await send(subscription('created'))
      const failure = await eventually(
        () => other.logs.find(({ msg }) => msg === 'notification failed'),
        'the try fails',
      )
      expect(failure).toMatchObject({ err: { code: 'EENVELOPE' } })
      expect(JSON.stringify(failure).length).toBeLessThan(6_000)
      await eventually(async () => ((await jobs())[0]?.state === 'retry' ? true : undefined), 'another try')
    } finally {
      await other.stop()
      talker.close()
    }
  })

  test('refuses for now (4xx), or us and not the mail (sender, login), is tried again', async () => {
    const tries = [
      ['RCPT TO', 451],
      ['RCPT TO', 530],
      ['DATA', 452],
      ['MAIL FROM', 550],
    ] as const
    const users = await Promise.all(
      tries.map(async ([stage, code]) => {
        const one = await fresh()
        refuseAt(stage, stage === 'MAIL FROM' ? 'hello@roleferry.example' : one.address, code)
        return one
      }),
    )
    for (const { subscription } of users) await deliver(service, subscription('created'))
    await service.settled()
    for (const { arrived } of users) await arrived(1)
    expect([...refusals.values()].flat()).toEqual([])
    const jobs = (await Promise.all(users.map(({ jobs }) => jobs()))).flat()
    expect(jobs).toEqual(
      tries.map(() => ({ state: 'completed', retry_count: expect.any(Number), output: { ending: 'sent' } })),
    )
    expect(jobs.reduce((sum, { retry_count }) => sum + Number(retry_count), 0)).toBe(tries.length)
    // What was read and refused, and what was taken: a receiver can tell that it is one mail.
    const ids = server.refused.map(({ messageId }) => messageId)
    expect(users[2]?.mails().map(({ messageId }) => messageId)).toEqual(ids)
  })

  test('refuses the address or the mail for good (5xx) is not asked again; the mail is kept as dead', async () => {
    for (const stage of ['RCPT TO', 'DATA'] as const) {
      const { address, subscription, send, arrived, jobs, deadLetters } = await fresh()
      refuseAt(stage, address, 550)
      await send(subscription('created'))
      await arrived(0)
      const error = 'the mail server refuses this mail: 550'
      expect(await jobs()).toMatchObject([{ state: 'completed', retry_count: 0, output: { error } }])
      expect(await deadLetters()).toMatchObject([
        { channel: 'email', error, data: { to: address, template: 'welcome' } },
      ])
    }
    expect(service.logs.filter(({ msg }) => msg === 'notification given up')).toHaveLength(2)
    expect(JSON.stringify(service.logs)).not.toContain('@example.com')
  })
})

test('an address that could be read as several gets no mail', async () => {
  for (const address of [
    'x@example.com\r\nBcc: other@example.com',
    'x@example.com, other@example.com',
    'Other <other@example.com>',
    'x@example.com>\r\nRCPT TO:<other@example.com',
    'nobody',
    '',
  ]) {
    const { id, subscription, send } = await fresh()
    const before = server.received.length
    await service.rows('update users set email = $2 where id = $1', id, address)
    await send(subscription('created'))
    await allEnded(service)
    expect(server.received).toHaveLength(before)
  }
})
