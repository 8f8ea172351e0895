import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mailboxCounts, recountMailboxes } from '../../src/upkeep/mailbox-counts.ts'
import {
  deliver,
  deliverAndSettle,
  event,
  seedOutreach,
  startSendgrid,
} from '../providers/sendgrid/deliveries.ts'
import type { Service } from '../service.ts'
import { runTask } from './run.ts'

let service: Service
beforeAll(async () => {
  service = await startSendgrid()
})
afterAll(() => service.stop())

const DAY = 86_400_000
const mailbox = async (id: number) =>
  (
    await service.rows(
      'select bounce_count_7d, spam_reports_7d, health_score from mailboxes where id = $1',
      id,
    )
  )[0]

describe('the rolling counts of a mailbox', () => {
  test('lose what arrived more than seven days ago, and keep the rest', async () => {
    await seedOutreach(service, 1)
    const of = { outreach_id: '1' }
    await deliverAndSettle(service, event('bounce', of), event('spamreport', of))
    service.advance(4 * DAY)
    await deliverAndSettle(service, event('bounce', of))
    expect(await mailbox(1)).toEqual({ bounce_count_7d: 2, spam_reports_7d: 1, health_score: 65 })
    expect(await runTask(mailboxCounts, service)).toEqual([])
    service.advance(3 * DAY + 60_000)
    expect(await runTask(mailboxCounts, service)).toEqual([{ mailboxes: 1 }])
    expect(await mailbox(1)).toEqual({ bounce_count_7d: 1, spam_reports_7d: 0, health_score: 95 })
    service.advance(4 * DAY)
    await runTask(mailboxCounts, service)
    expect(await mailbox(1)).toEqual({ bounce_count_7d: 0, spam_reports_7d: 0, health_score: 100 })
  })

  test('are put right whatever another program wrote there', async () => {
    await seedOutreach(service, 2)
    await deliverAndSettle(service, event('bounce', { outreach_id: '2' }))
    await service.rows('update mailboxes set bounce_count_7d = 17, spam_reports_7d = 3 where id = 2')
    await runTask(mailboxCounts, service)
    expect(await mailbox(2)).toMatchObject({ bounce_count_7d: 1, spam_reports_7d: 0 })
  })

  test('end right when bounces are recorded while they are recounted', async () => {
    await seedOutreach(service, 3)
    const bounces = Array.from({ length: 60 }, () => event('bounce', { outreach_id: '3' }))
    let recounting = true
    const recounts = Array.from({ length: 3 }, async () => {
      let times = 0
      for (; recounting; times++) await recountMailboxes(service.db, ['3'], service.now())
      return times
    })
    for (const bounce of bounces) await deliver(service, bounce)
    await service.settled()
    recounting = false
    for (const times of await Promise.all(recounts)) expect(times).toBeGreaterThan(0)
    expect(await mailbox(3)).toMatchObject({ bounce_count_7d: 60 })
  })

  test('wait for a recording that is under way, then hold it', async () => {
    await seedOutreach(service, 4)
    const recording = await service.db.connect()
    await recording.query('begin')
    await recording.query('select from mailboxes where id = 4 for no key update')
    const recount = recountMailboxes(service.db, ['4'], service.now())
    await recording.query(
      `insert into mailbox_incidents (mailbox_id, kind, arrived_at) values (4, 'bounce', $1)`,
      [service.now()],
    )
    await recording.query('update mailboxes set bounce_count_7d = bounce_count_7d + 1 where id = 4')
    await recording.query('commit')
    recording.release()
    await recount
    expect(await mailbox(4)).toMatchObject({ bounce_count_7d: 1 })
  })
})
