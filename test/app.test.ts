import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { post } from './provider-contract.ts'
import {
  bodyOf,
  deliver,
  deliverAndSettle,
  event,
  seedOutreach,
  signed,
  startSendgrid,
} from './providers/sendgrid/deliveries.ts'
import { eventually, type Service } from './service.ts'

let service: Service | undefined
afterEach(async () => {
  await service?.stop()
  service = undefined
})

describe('metrics, on a real UDP socket', () => {
  test('have the contract’s names, types and tags', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const lines: string[] = []
    socket.on('message', (packet) => lines.push(...packet.toString().split('\n')))
    try {
      service = await startSendgrid({
        DD_DOGSTATSD_PORT: String(socket.address().port),
        DD_ENV: 'test',
        DD_SERVICE: 'webhooks',
        DD_VERSION: '7',
      })
      await seedOutreach(service, 1)
      const seen = event('click')
      await deliverAndSettle(
        service,
        seen,
        event('open'),
        event('invented-by-a-stranger'),
        event('click', { outreach_id: null }),
        5,
      )
      await deliver(service, seen)
      await post(service, '/webhooks/sendgrid', signed('{}'))
      await post(service, '/webhooks/sendgrid', { ...signed('[]', { key: 'wrong' }) })
      // Its key is not configured.
      await post(service, '/webhooks/stripe', signed('{}'))
      const has = (start: string, ...tags: string[]) =>
        eventually(
          () =>
            lines.find(
              (line) =>
                line.startsWith(`roleferry.webhooks.${start}`) && tags.every((tag) => line.includes(tag)),
            ),
          `${start} ${tags.join()}`,
          5,
        )
      await has('received:2|c', 'provider:sendgrid', 'event_type:click', 'status:success')
      await has('received:1|c', 'event_type:open', 'status:success')
      await has('received:1|c', 'event_type:other')
      await has('skipped:1|c', 'provider:sendgrid', 'event_type:click')
      await has('duplicates:1|c', 'provider:sendgrid')
      await has('rejected:1|c', 'reason:malformed')
      await has('rejected:1|c', 'reason:signature_invalid')
      const answers = () =>
        lines
          .filter((line) => line.startsWith('roleferry.webhooks.answers:'))
          .map((line) =>
            /:(\d+)\|c\|#.*(?=.*provider:(\w+))(?=.*status:(\w+))/.exec(line)?.slice(1).join(' '),
          )
          .sort()
      const one = (provider: string, status: string) => `1 ${provider} ${status}`
      const answered = [
        ...Array(2).fill(one('sendgrid', '2xx')),
        ...Array(2).fill(one('sendgrid', '4xx')),
        one('stripe', '5xx'),
      ]
      await eventually(() => answers().length >= answered.length || undefined, 'five answers', 5)
      expect(answers()).toEqual(answered)
      for (const name of ['ack_time', 'processing_time', 'lag']) {
        const line = await has(`${name}:`, 'provider:sendgrid')
        expect(line).toMatch(/:[\d.]+\|d\|/)
      }
      const line = await has('lag:', 'env:test', 'service:webhooks', 'version:7')
      expect(line.match(/env:test/g)).toHaveLength(1)
      expect(lines.join()).not.toContain('invented')
      await has('backlog:0|g', 'provider:sendgrid')
      await has('backlog_age:0|g', 'provider:sendgrid')
    } finally {
      socket.close()
    }
  })
})

describe('Slack, on a local server that speaks chat.postMessage', () => {
  test('gets a spam report once, with retries until it takes it', async () => {
    const calls: { path: string | undefined; authorization: string | undefined; form: URLSearchParams }[] = []
    const answers = [
      { status: 500, body: '' },
      { status: 429, body: '' },
      { status: 200, body: '{"ok":true}' },
    ]
    const slack = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => {
        const answer = answers[Math.min(calls.length, answers.length - 1)] ?? {
          status: 200,
          body: '{"ok":true}',
        }
        calls.push({
          path: request.url,
          authorization: request.headers.authorization,
          form: new URLSearchParams(body),
        })
        response
          .writeHead(answer.status, { 'content-type': 'application/json', 'retry-after': '1' })
          .end(answer.body)
      })
    }).listen(0, '127.0.0.1')
    await once(slack, 'listening')
    const address = slack.address()
    const port = typeof address === 'object' ? address?.port : 0
    try {
      service = await startSendgrid({
        SLACK_BOT_TOKEN: 'xoxb-test',
        SLACK_API_URL: `http://127.0.0.1:${port}/api/`,
        SLACK_CHANNEL_DELIVERABILITY: '#spam-alerts',
      })
      await seedOutreach(service, 7)
      await deliverAndSettle(service, event('spamreport', { outreach_id: 7 }))
      await eventually(() => (calls.length >= 3 ? true : undefined), 'Slack has answered three times', 60)
      await eventually(() => service?.logs.find((line) => line.msg === 'notification sent'), 'it is sent')
      expect(calls).toHaveLength(3)
      expect(calls[2]).toMatchObject({ path: '/api/chat.postMessage', authorization: 'Bearer xoxb-test' })
      expect(calls[2]?.form.get('channel')).toBe('#spam-alerts')
      expect(calls[2]?.form.get('text')).toBe('🚨 Spam report for outreach 7. User: user7@example.com')
      expect(JSON.stringify(service.logs)).not.toContain('xoxb')
    } finally {
      slack.close()
    }
  }, 90_000)

  test('not configured: says that it would have sent, and completes', async () => {
    service = await startSendgrid()
    await seedOutreach(service, 1)
    await deliverAndSettle(service, event('spamreport'))
    await eventually(
      () => service?.logs.find((line) => line.msg.includes('would have been sent')),
      'the log line',
    )
  })
})

describe('health', () => {
  test('/healthz and /readyz answer 200, other paths 404', async () => {
    service = await startSendgrid()
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200)
    const unknown = await fetch(`${service.url}/webhooks/nobody`, { method: 'POST' })
    expect(unknown.status).toBe(404)
    expect(await unknown.json()).toMatchObject({ statusCode: 404, code: 'FST_ERR_NOT_FOUND' })
  })
})

describe('closing', () => {
  test('answers the request under way, refuses new ones with 503 and lets no silent sender hold it up', async () => {
    service = await startSendgrid()
    await seedOutreach(service, 1)
    const { port } = new URL(service.url)
    const silent = connect(Number(port), '127.0.0.1')
    const half = connect(Number(port), '127.0.0.1')
    const kept = connect(Number(port), '127.0.0.1')
    for (const socket of [silent, half, kept]) socket.on('error', () => {})
    const read = (socket: typeof kept) => {
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk
      })
      return () => text
    }
    const halfAnswer = read(half)
    const keptAnswer = read(kept)
    const request = signed(bodyOf([event('click')]))
    const head = (length: number) =>
      `POST /webhooks/sendgrid HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n${Object.entries(
        request.headers,
      )
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')}\r\n`
    half.write(head(request.body.length))
    half.write(request.body.subarray(0, 10))
    kept.write(head(request.body.length))
    kept.write(request.body.subarray(0, 10))
    await new Promise((resolve) => setTimeout(resolve, 1_000)) // until both are being read, on a busy machine too
    const closed = service.app.close()
    await new Promise((resolve) => setTimeout(resolve, 100))
    // Finished while the service is closing: it was under way and must not be lost.
    half.write(request.body.subarray(10))
    await eventually(() => halfAnswer().includes('\r\n\r\n') || undefined, 'the answer')
    expect(halfAnswer()).toMatch(/^HTTP\/1.1 200 /)
    expect(halfAnswer().toLowerCase()).toContain('connection: close')
    await closed
    expect(keptAnswer()).toBe('')
    const rows = await service.rows('select from webhook_deliveries')
    expect(rows).toHaveLength(1)
    for (const socket of [silent, half, kept]) socket.destroy()
  })
})
