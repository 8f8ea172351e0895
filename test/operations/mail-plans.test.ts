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

test('a mail is matched by indexes alone and sorts no mailbox, one with 20,000 outreach neither', async () => {
  const costs = await measureMatching(service.databaseUrl)
  // Of every kind of mail: what is known, and the rules unless the thread is known or we have no such mailbox.
  expect(costs).toHaveLength(2 * 8 - 2)
  for (const { what, pages, whole, sorted, plan } of costs) {
    expect(whole, `${what} ${plan}`).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/outreach|contacts|mailboxes/)]),
    )
    // Of a large company the latest 2,000 outreach of the mailbox are looked at, with their contacts.
    expect(pages, `${what} ${plan}`).toBeLessThan(what.includes('large company') ? 9_000 : 100)
    // Of a contact, of a company or of a thread: never what a mailbox has sent.
    expect(sorted, `${what} ${plan}`).toBeLessThan(300)
  }
}, 60_000)
