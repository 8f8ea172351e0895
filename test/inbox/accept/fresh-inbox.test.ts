import { afterAll, beforeAll, expect, test } from 'vitest'
import { post } from '../../provider-contract.ts'
import { bodyOf, event, seedOutreach, signed, startSendgrid } from '../../providers/sendgrid/deliveries.ts'
import type { Service } from '../../service.ts'

let service: Service
beforeAll(async () => {
  service = await startSendgrid()
  await seedOutreach(service, 1)
  // Postgres looks at a table a minute after its first rows came: until then it knows nothing of them.
  await service.rows('alter table webhook_events set (autovacuum_enabled = off)')
})
afterAll(() => service.stop())

test('an inbox that was empty a moment ago takes large deliveries one after the other', async () => {
  const deliver = () => {
    const events = Array.from({ length: 12_000 }, (_, n) => event('click', { n }))
    return post(service, '/webhooks/sendgrid', signed(bodyOf(events)))
  }
  for (let times = 0; times < 3; times++) {
    expect(await deliver()).toMatchObject({ status: 200, body: { accepted: 12_000 } })
    await service.settled()
  }
}, 60_000)
