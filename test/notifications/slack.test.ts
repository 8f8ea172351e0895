import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { deliverInTurn, seedUser, startStripe } from '../providers/stripe/deliveries.ts'
import { eventsOf, START } from '../providers/stripe/events.ts'
import { eventually } from '../service.ts'

test('a payment that failed for good alerts billing, and nothing in it mentions the whole channel', async () => {
  const posted: URLSearchParams[] = []
  const slack = createServer((request, response) => {
    void text(request).then((body) => {
      posted.push(new URLSearchParams(body))
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}')
    })
  }).listen(0, '127.0.0.1')
  await once(slack, 'listening')
  const service = await startStripe({
    SLACK_BOT_TOKEN: 'xoxb-test',
    SLACK_API_URL: `http://127.0.0.1:${(slack.address() as AddressInfo).port}/api/`,
    SLACK_CHANNEL_BILLING: '#money',
  })
  try {
    await seedUser(service, 1)
    await service.rows(`update users set email = '<!channel>&co@example.com'`)
    await deliverInTurn(service, eventsOf(1).invoice('payment_failed', { nextAttempt: null }))
    const form = await eventually(() => posted[0], 'Slack is told')
    expect(form.get('channel')).toBe('#money')
    expect(form.get('text')).toBe(
      `💳 Payment failed for good: invoice in_sub_1_${START}, customer cus_1. User: &lt;!channel&gt;&amp;co@example.com`,
    )
  } finally {
    await service.stop()
    slack.close()
  }
})
