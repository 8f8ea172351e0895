import { afterAll, beforeAll, expect, test } from 'vitest'
import { fillOutreach, measureMatching } from '../../harness/mail-volume.ts'
import { type Service, startService } from '../service.ts'

let service: Service
beforeAll(async () => {
  service = await startService()
  await service.app.close()
  const client = await service.db.connect()
  await fillOutreach(client, 120_000)
  client.release()
}, 120_000)
afterAll(() => service.stop())

test('a mail is matched by indexes alone, in a mailbox with 20,000 outreach too', async () => {
  const costs = await measureMatching(service.databaseUrl)
  // Of every kind of mail: what is known, and the rules up to the one that matches.
  expect(costs).toHaveLength(1 + 4 + 2 + 3 + 3 + 4 + 4 + 1)
  for (const { what, pages, whole, plan } of costs) {
    expect(whole, `${what} ${plan}`).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/outreach|contacts/)]),
    )
    // Of a large company the latest 2,000 outreach of the mailbox are looked at, with their contacts.
    expect(pages, `${what} ${plan}`).toBeLessThan(what.includes('large company') ? 9_000 : 100)
  }
}, 60_000)
