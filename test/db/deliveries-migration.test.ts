import pg from 'pg'
import { expect, test } from 'vitest'
import { migrate } from '../../src/migrate.ts'
import { seedOutreach, sendgridEnv } from '../providers/sendgrid/deliveries.ts'
import { startService } from '../service.ts'
import { SERVICE_ROLE } from '../template.ts'
import { databaseBefore } from './database-before.ts'

test('a filled inbox keeps what is not done: it is applied, replayed and shown as before', async () => {
  const { url, drop } = await databaseBefore('_deliveries')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`
      insert into webhook_events (provider, event_id, event_type, subject, payload, status, received_at, next_attempt_at)
      select 'sendgrid', status, 'click', 'outreach:1',
             jsonb_build_object('event', 'click', 'outreach_id', 1, 'sg_event_id', status, 'note', 'é "quoted"'), status,
             now() - interval '40 days' + interval '1.234567 seconds', case status when 'pending' then now() end
      from unnest(array['pending', 'dead', 'skipped', 'processed']) status`)
    await migrate(url, { name: SERVICE_ROLE })
    const { rows } = await client.query('select event_id, payload from webhook_payloads order by id')
    expect(rows.map((row) => [row.event_id, row.payload?.note ?? null])).toEqual([
      ['pending', 'é "quoted"'],
      ['dead', 'é "quoted"'],
      ['skipped', 'é "quoted"'],
      ['processed', null],
    ])
    const service = await startService({ env: { ...sendgridEnv, DATABASE_URL: url } })
    try {
      await seedOutreach(service, 1)
      await service.rows(
        `update webhook_events set status = 'pending', next_attempt_at = now() where status in ('pending', 'dead')`,
      )
      service.advance(60_000)
      await service.settled()
      expect(await service.rows('select event_id, status from webhook_events order by id')).toEqual([
        { event_id: 'pending', status: 'processed' },
        { event_id: 'dead', status: 'processed' },
        { event_id: 'skipped', status: 'skipped' },
        { event_id: 'processed', status: 'processed' },
      ])
      expect(await service.rows('select link_clicks from outreach')).toEqual([{ link_clicks: 2 }])
    } finally {
      await service.stop()
    }
  } finally {
    await client.end()
    await drop()
  }
})
