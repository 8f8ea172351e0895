import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FormFields, multipart, urlencoded } from '../../../src/simulators/mailgun/sign.ts'
import type { SignedRequest } from '../../../src/simulators/signed-request.ts'
import { MUST_END, propertyRuns } from '../../property-runs.ts'
import { post } from '../../provider-contract.ts'
import { eventually, type Service } from '../../service.ts'
import {
  deliver,
  deliverAndSettle,
  lastEvent,
  lastMail,
  mail,
  PATH,
  signature,
  startMailgun,
} from './deliveries.ts'

let service: Service
const agent = createSocket('udp4')
const metrics: string[] = []
beforeAll(async () => {
  agent.on('message', (packet) => metrics.push(...packet.toString().split('\n')))
  await once(agent.bind(0, '127.0.0.1'), 'listening')
  service = await startMailgun({ DD_DOGSTATSD_PORT: String(agent.address().port) })
})
afterAll(async () => {
  await service.stop()
  agent.close()
})

const send = (request: SignedRequest) => post(service, PATH, request)
const stored = async () => Number((await service.rows('select count(*) from webhook_events'))[0]?.count)
const MIB = 1024 * 1024

for (const [form, encode] of [
  ['urlencoded', urlencoded],
  ['multipart', multipart],
] as const) {
  describe(`in an ${form} form`, () => {
    for (const name of ['timestamp', 'token', 'signature']) {
      test(`a header of the mail that is spelt like ${name} does not get the mail refused`, async () => {
        for (const others of [['x'], ['1700000000', 'f'.repeat(64), ''], ['a', 'b', 'c']]) {
          const again = others.map((value): [string, string] => [name, value])
          for (const fields of [
            [...signature(), ...mail(), ...again],
            [...again, ...mail(), ...signature()],
          ]) {
            expect(await send(encode(fields))).toMatchObject({ status: 200, body: { status: 'ok' } })
          }
        }
      })
      test(`a ${name} behind four others is not tried`, async () => {
        const again = ['a', 'b', 'c', 'd'].map((value): [string, string] => [name, value])
        expect(await send(encode([...again, ...mail(), ...signature()]))).toMatchObject({
          status: 401,
          body: { code: 'WEBHOOK_SIGNATURE_INVALID' },
        })
      })
      test(`an empty ${name} is a missing one`, async () => {
        const signed = signature().map(([other, value]): [string, string] => [
          other,
          other === name ? '' : value,
        ])
        expect(await send(encode([...mail(), ...signed]))).toMatchObject({
          status: 401,
          body: { code: 'WEBHOOK_SIGNATURE_MISSING' },
        })
      })
    }
    test('values of two signatures do not make a third', async () => {
      const [first, second] = [signature({ age: 60 }), signature()]
      const mixed = [first[0], second[1], first[2], second[2]] as FormFields
      expect(await send(encode([...mail(), ...mixed]))).toMatchObject({ status: 401 })
      const forged = [...signature({ key: 'wrong' }), ...signature({ key: 'wrong', age: 60 })]
      expect(await send(encode([...mail(), ...forged]))).toMatchObject({ status: 401 })
    })
    test('an older signature in the headers, which a sender may know, is not the one that counts', async () => {
      const known = signature({ age: 3_600 })
      expect(await send(encode([...mail(), ...known]))).toMatchObject({ status: 200 })
      for (const headers of [known, signature({ age: 20 * 3_600 })]) {
        for (const fields of [
          [...headers, ...mail(), ...signature()],
          [...signature(), ...mail(), ...headers],
        ]) {
          expect(await send(encode(fields))).toMatchObject({ status: 200, body: { status: 'ok' } })
        }
      }
      const stale = [...signature({ age: 20 * 3_600 }), ...signature({ age: 30 * 3_600 })]
      expect(await send(encode([...mail(), ...stale]))).toMatchObject({
        status: 401,
        body: { code: 'WEBHOOK_STALE' },
      })
    })
    test('a retry of such a mail is a duplicate', async () => {
      const fields: FormFields = [['token', 'x'], ...signature({ age: 100 }), ...mail(), ...signature()]
      expect(await send(encode(fields))).toMatchObject({ body: { status: 'ok' } })
      expect(await send(encode(fields))).toMatchObject({ status: 200, body: { status: 'duplicate' } })
    })
    test('a header called body-mime does not make raw MIME of a mail', async () => {
      await service.settled() // two workers may write the mails of the test before in any order
      for (const value of ['x', '', 'From: a@b']) {
        const fields: FormFields = [
          ['body-mime', value],
          ...mail({ text: `body-mime ${value}` }),
          ...signature(),
        ]
        expect(await send(encode(fields))).toMatchObject({ status: 200 })
        await service.settled()
        expect(await lastMail(service)).toMatchObject({ body_text: `body-mime ${value}` })
      }
    })
    test('a header of the same name in another case is data', async () => {
      const headers = { Token: 'x', Signature: 'y', Timestamp: 'z', Recipient: 'mallory@x.example' }
      expect(await send(encode([...mail({ headers }), ...signature()]))).toMatchObject({ status: 200 })
      await service.settled()
      expect(await lastMail(service)).toMatchObject({ recipient: 'box1@rf-send-01.com' })
    })
    test('the signature may come before or after the rest', async () => {
      expect(await send(encode([...signature(), ...mail()]))).toMatchObject({ status: 200 })
      expect(await send(encode([...mail(), ...signature()]))).toMatchObject({ status: 200 })
    })
    test('no digit can move from the token to the timestamp', async () => {
      const [timestamp, , { 1: signed }] = signature({}, '5abc') as [
        [string, string],
        unknown,
        [string, string],
      ]
      const moved: FormFields = [
        ['timestamp', `${timestamp[1]}5`],
        ['token', 'abc'],
        ['signature', signed],
      ]
      expect(await send(encode([...mail(), ...moved]))).toMatchObject({
        status: 401,
        body: { code: 'WEBHOOK_SIGNATURE_INVALID' },
      })
    })
    test('NUL characters and lone surrogates become U+FFFD; names of Object.prototype are data', async () => {
      const headers = { constructor: 'x', __proto__: 'y', toString: 'z', 'X-Nul\0': 'a\0b', Subject: 'N\0L' }
      const fields = mail({ headers, text: 'a\0b \ud800 c' })
      expect(await send(encode([...fields, ['__proto__', 'polluted'], ...signature()]))).toMatchObject({
        status: 200,
      })
      await service.settled()
      // Not the last: a mail of the test before may be kept after it.
      expect(
        await service.rows(
          'select body_text from inbound_messages where subject = $1 order by id desc limit 1',
          'N\ufffdL',
        ),
      ).toEqual([{ body_text: 'a\ufffdb \ufffd c' }])
      expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    })
    test('a huge subject, body and Message-Id are cut or hashed, not refused', async () => {
      const headers = {
        Subject: 'S'.repeat(200_000),
        'Message-Id': `<${form}-${'m'.repeat(200_000)}@example.com>`,
      }
      const answer = await send(encode([...mail({ headers, text: 'T'.repeat(1.2 * MIB) }), ...signature()]))
      expect(answer).toMatchObject({ status: 200, body: { status: 'ok', accepted: 1 } })
      await service.settled()
      const { subject, body_text, message_id } = (await lastMail(service)) ?? {}
      expect(subject).toMatch(/^S+ \[cut\]$/)
      expect(body_text).toMatch(/^T+ \[cut\]$/)
      expect(message_id).toMatch(/^<(urlencoded|multipart)-m+/)
      expect([subject, body_text, message_id].map((text) => String(text).length)).toEqual([
        1_006, 100_006, 10_006,
      ])
    })
    test('long text in any script is cut where it is said to be', async () => {
      expect(await send(encode([...mail({ text: '日'.repeat(150_000) }), ...signature()]))).toMatchObject({
        status: 200,
      })
      await service.settled()
      expect((await lastMail(service))?.body_text === `${'日'.repeat(100_000)} [cut]`).toBe(true)
    })
    test('lone surrogates that JSON can write become U+FFFD', async () => {
      const lone = '\ud800'
      const headers = [
        ['Message-Id', `<${form}-${lone}@example.com>`],
        ['Subject', `a${lone}b`],
        ['From', `${lone} <x${lone}@example.com>`],
        [`X-${lone}`, lone],
      ]
      const attachments = [{ name: lone, 'content-type': lone, size: 1 }]
      const fields: FormFields = [
        ['recipient', 'nobody@rf-send-01.com'],
        ['sender', 'somebody@example.com'],
        ['message-headers', JSON.stringify(headers)],
        ['attachments', JSON.stringify(attachments)],
      ]
      expect(await send(encode([...fields, ...signature()]))).toMatchObject({ status: 200 })
      await service.settled()
      expect(await lastMail(service)).toMatchObject({
        message_id: `<${form}-\ufffd@example.com>`,
        subject: 'a\ufffdb',
        from_email: 'x\ufffd@example.com',
        attachments: [{ name: '\ufffd', type: '\ufffd', size: 1 }],
      })
    })
    test('a Message-Id too long to be kept whole does not make one mail of two', async () => {
      const long = (end: string, text: string) =>
        mail({ headers: { 'Message-Id': `<${form}${'m'.repeat(20_000)}${end}@example.com>` }, text })
      for (const [fields, status] of [
        [long('1', 'one'), 'ok'],
        [long('2', 'two'), 'ok'],
        [long('1', 'one'), 'duplicate'],
      ] as const) {
        expect(await send(encode([...fields, ...signature()]))).toMatchObject({ body: { status } })
      }
    })
    test('thousands of headers do no harm', async () => {
      const headers = Object.fromEntries(Array.from({ length: 4_000 }, (_, n) => [`X-${n}`, 'x'.repeat(50)]))
      expect(await send(encode([...mail({ headers }), ...signature()]))).toMatchObject({ status: 200 })
      await service.settled()
      expect(await lastEvent(service)).toMatchObject({ status: 'processed' })
    })
  })
}

test('a mail is the same event in either form, whatever it says', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'grapheme', maxLength: 5 }).map((some) => some.repeat(20_000)),
  )
  await fc.assert(
    fc.asyncProperty(text, text, text, async (from, subject, body) => {
      const fields: FormFields = [
        ['recipient', 'nobody@rf-send-01.com'],
        ['sender', 'somebody@example.com'],
        ['from', from],
        ['subject', subject],
        ['body-plain', body],
      ]
      expect(await send(urlencoded([...fields, ...signature()]))).toMatchObject({ status: 200 })
      expect(await send(multipart([...fields, ...signature()]))).toMatchObject({
        status: 200,
        body: { status: 'duplicate' },
      })
    }),
    { numRuns: propertyRuns(25), interruptAfterTimeLimit: 100_000, markInterruptAsFailure: MUST_END },
  )
  await service.settled()
}, 120_000)

describe('a replayed token', () => {
  const replayed = { status: 401, body: { code: 'WEBHOOK_REPLAYED' } }
  test('is refused with another message, also one that was seen under its own token', async () => {
    const signed = signature()
    const known = mail()
    await send(urlencoded([...known, ...signature()]))
    expect(await send(urlencoded([...mail(), ...signed]))).toMatchObject({ status: 200 })
    await service.settled()
    const count = await stored()
    expect(await send(urlencoded([...mail(), ...signed]))).toMatchObject(replayed)
    expect(await send(urlencoded([...known, ...signed]))).toMatchObject(replayed)
    expect(await send(multipart([...mail(), ...signed]))).toMatchObject(replayed)
    expect(await stored()).toBe(count)
    await eventually(
      () => metrics.find((line) => /rejected:\d+\|c/.test(line) && line.includes('reason:replayed')),
      'it is counted',
    )
  })
  test('is refused when both arrive at the same moment', async () => {
    const signed = signature()
    const answers = await Promise.all(
      [mail(), mail(), mail()].map((one) => send(urlencoded([...one, ...signed]))),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401])
  })
  test('with the same message is a retry', async () => {
    const request = urlencoded([...mail(), ...signature()])
    await send(request)
    expect(await send(request)).toMatchObject({ status: 200, body: { status: 'duplicate' } })
  })
})

describe('attachments', () => {
  test('are described, whatever their names', async () => {
    const file = (field: string, name: string, content: Buffer) => ({
      field,
      name,
      type: 'application/pdf',
      content,
    })
    await deliverAndSettle(service, mail(), [
      file('attachment-1', 'preço 1.pdf', Buffer.alloc(70_000, 1)),
      file('attachment-2', '../../etc/passwd', Buffer.alloc(0)),
      file('constructor', 'nul\0.pdf', Buffer.from('x')),
    ])
    expect(await lastMail(service)).toMatchObject({
      attachments: [
        { name: 'preço 1.pdf', type: 'application/pdf', size: 70_000 },
        { name: 'passwd', type: 'application/pdf', size: 0 },
        { name: 'nul\ufffd.pdf', type: 'application/pdf', size: 1 },
      ],
    })
  })
  test('have their names and types cut, and are 200 at most', async () => {
    const long = (length: number) => ({
      field: 'attachment-1',
      name: 'n'.repeat(length),
      type: `application/${'t'.repeat(length)}`,
      content: Buffer.from('x'),
    })
    const many = Array.from({ length: 300 }, () => ({ ...long(1), name: 'many' }))
    await deliverAndSettle(service, mail({ text: 'long' }), [long(5_000), long(200_000), ...many])
    const { body_text, attachments } = (await lastMail(service)) ?? {}
    expect(body_text).toBe('long')
    expect(attachments).toHaveLength(200)
    expect((attachments as unknown[])[0]).toEqual({
      name: `${'n'.repeat(1_000)} [cut]`,
      type: `application/${'t'.repeat(188)} [cut]`,
      size: 1,
    })
    expect(JSON.stringify(attachments).length).toBeLessThan(30_000)
  })
  test('that Mailgun stores are taken from its list', async () => {
    const list = [
      { url: 'https://storage.example/1', 'content-type': 'image/png', name: 'a.png', size: 12 },
      { size: 'large' },
      'odd',
    ]
    await deliverAndSettle(service, [
      ...mail(),
      ['attachments', JSON.stringify(list)],
      ['message-url', 'https://storage.example/m'],
      ['domain', 'in.example.com'],
    ])
    expect(await lastMail(service)).toMatchObject({
      attachments: [
        { name: 'a.png', type: 'image/png', size: 12 },
        { name: null, type: null, size: 0 },
      ],
    })
  })
  test('a list that is not JSON counts as missing', async () => {
    await deliverAndSettle(service, [...mail(), ['attachments', '[{"name":']])
    expect(await lastMail(service)).toMatchObject({ attachments: [] })
  })
})

test('raw MIME is refused with how to change the route', async () => {
  const envelope = mail().filter(([name]) => ['recipient', 'sender', 'from', 'subject'].includes(name))
  for (const fields of [
    [...envelope, ['body-mime', 'From: a@b']],
    [...envelope, ['body-mime', 'From: a@b\r\n\r\nx']],
    [...mail(), ['body-mime', 'From: a@b\n\nx']],
  ] as FormFields[]) {
    expect(await deliver(service, fields)).toMatchObject({
      status: 400,
      body: { code: 'WEBHOOK_MALFORMED', message: expect.stringContaining('forward()') },
    })
  }
  const files = [{ field: 'body-mime', name: 'message', type: 'message/rfc822', content: Buffer.from('x') }]
  expect(await deliver(service, mail(), files)).toMatchObject({ status: 400 })
})

describe('a broken or hostile multipart body is refused, never with 406 or 500:', () => {
  const whole = () =>
    multipart(
      [...mail(), ...signature()],
      [{ field: 'a', name: 'a', type: 'x/y', content: Buffer.alloc(100) }],
    )
  const withBody = (body: string | Buffer) => ({ ...whole(), body: Buffer.from(body) })
  const typed = (type: string) => ({ ...whole(), headers: { 'content-type': type } })
  for (const [name, request, status] of [
    ['empty', () => withBody(''), 400],
    ['another boundary', () => typed('multipart/form-data; boundary=other'), 400],
    ['no boundary', () => typed('multipart/form-data'), 400],
    ['a boundary that is empty', () => typed('multipart/form-data; boundary='), 400],
    ['cut within the file', () => ({ ...whole(), body: whole().body.subarray(0, -80) }), 400],
    ['no part at all', () => withBody('garbage'.repeat(1_000)), 400],
    ['another multipart type', () => typed('multipart/mixed; boundary=x'), 415],
  ] as const) {
    test(name, async () => {
      const answer = await send(request())
      expect(answer.status).toBe(status)
      expect(answer.body.code).toMatch(/^WEBHOOK_/)
    })
  }
  test('a sender that vanishes in the middle', async () => {
    const refusals = () => service.logs.filter((line) => line.msg === 'delivery refused').length
    const before = refusals()
    const { headers, body } = whole()
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
    socket.write(
      `POST ${PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: ${headers['content-type']}\r\ncontent-length: ${body.length}\r\n\r\n`,
    )
    socket.write(body.subarray(0, -80), () => socket.destroy())
    await eventually(() => refusals() > before || undefined, 'it is over')
    expect(service.logs.at(-1)).toMatchObject({ reason: 'malformed', level: 30 })
  })
  test('a part in Latin-1 is read as such, one in an unknown charset as UTF-8', async () => {
    for (const [charset, text] of [
      ['iso-8859-1', Buffer.from('Grüße', 'latin1')],
      ['no-such-charset', Buffer.from('Grüße')],
    ] as const) {
      const { headers, body } = multipart([...mail({ text: 'second' }), ...signature()])
      const boundary = /boundary=(.*)$/.exec(headers['content-type'] ?? '')?.[1]
      const head = `--${boundary}\r\nContent-Disposition: form-data; name="body-plain"\r\nContent-Type: text/plain; charset=${charset}\r\n\r\n`
      const whole = Buffer.concat([Buffer.from(head), text, Buffer.from('\r\n'), body])
      expect(await send({ headers, body: whole })).toMatchObject({ status: 200 })
      await service.settled()
      expect(await lastMail(service)).toMatchObject({ body_text: 'Grüße' })
    }
  })
  test('a JSON part that is no JSON is text', async () => {
    const { headers, body } = multipart([...mail(), ...signature()])
    const boundary = /boundary=(.*)$/.exec(headers['content-type'] ?? '')?.[1]
    const part = `--${boundary}\r\nContent-Disposition: form-data; name="x"\r\nContent-Type: application/json\r\n\r\n{bad\r\n`
    expect(await send({ headers, body: Buffer.concat([Buffer.from(part), body]) })).toMatchObject({
      status: 200,
    })
  })
})

describe('what is too large is a 413:', () => {
  const tooLarge = (limit: string) => ({
    status: 413,
    body: { code: 'WEBHOOK_TOO_LARGE', message: expect.stringContaining(limit) },
  })
  test('an urlencoded body above 8 MiB', async () => {
    expect(await deliver(service, [...mail(), ['body-html', 'x'.repeat(9 * MIB)]])).toMatchObject(
      tooLarge('8 MiB'),
    )
  })
  test('more than 10,000 fields', async () => {
    const fields = Array.from({ length: 10_001 }, (_, n): [string, string] => [`X-${n}`, ''])
    expect(await deliver(service, [...mail(), ...fields])).toMatchObject(tooLarge('10000'))
    expect(await deliver(service, [...mail(), ...fields], [])).toMatchObject(tooLarge('10000'))
  })
  test('a multipart body above 40 MiB, by its length or while it comes', async () => {
    const { port } = new URL(service.url)
    for (const announced of ['content-length: 41943041', 'transfer-encoding: chunked']) {
      const socket = connect(Number(port), '127.0.0.1')
      let answer = ''
      socket.on('data', (chunk) => {
        answer += chunk
      })
      socket.on('error', () => {})
      socket.write(
        `POST ${PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=b\r\n${announced}\r\n\r\n`,
      )
      if (announced.includes('chunked')) {
        const head = '--b\r\ncontent-disposition: form-data; name="a"; filename="a"\r\n\r\n'
        socket.write(`${head.length.toString(16)}\r\n${head}\r\n`)
        const block = Buffer.alloc(MIB, 'x')
        for (let n = 0; n < 41 && answer === ''; n++) {
          const chunk = Buffer.concat([Buffer.from('100000\r\n'), block, Buffer.from('\r\n')])
          await new Promise((resolve) => socket.write(chunk, resolve))
        }
      }
      await eventually(() => answer.includes('WEBHOOK_TOO_LARGE') || undefined, `413 for ${announced}`)
      expect(answer).toContain('HTTP/1.1 413')
      expect(answer).toContain('40 MiB')
      socket.destroy()
    }
  })
})

test('logs never hold a body, an address or a key', async () => {
  await deliverAndSettle(
    service,
    mail({ sender: 'secret.person@example.com', text: 'confidential', headers: { Subject: 'very private' } }),
  )
  await send(urlencoded([...mail({ sender: 'secret.person@example.com' }), ...signature({ key: 'wrong' })]))
  expect(JSON.stringify(service.logs)).not.toMatch(/secret\.person|confidential|very private/)
})
