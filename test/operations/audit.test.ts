import { afterAll, beforeAll, expect, test } from 'vitest'
import { listChanges } from '../../src/operations/audit.ts'
import { replayMatching } from '../../src/operations/replay.ts'
import { webhooks } from '../cli/run.ts'
import { killedEvent, PASSWORD, startWithConsole, submit, visit } from '../console/console.ts'
import { asService } from '../database.ts'
import { seedOutreach } from '../providers/sendgrid/deliveries.ts'
import type { Service } from '../service.ts'

const READ_PASSWORD = 'only looking, please'
let service: Service
beforeAll(async () => {
  service = await startWithConsole({
    CONSOLE_READ_PASSWORD: READ_PASSWORD,
    CONSOLE_USER_HEADER: 'X-Forwarded-User',
    TRUST_PROXY: '127.0.0.1',
  })
  for (const id of [1, 2]) await seedOutreach(service, id)
})
afterAll(() => service.stop())

const run = (...args: string[]) => webhooks(args, { DATABASE_URL: asService(service.databaseUrl) })
const asOwner = (...args: string[]) => webhooks(args, { DATABASE_URL: service.databaseUrl })
const newest = async () => (await listChanges(service.db, { limit: 1 })).changes[0]
const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})

test('a replay of many events is one change, with how many', async () => {
  for (let n = 0; n < 1_200; n++) await killedEvent(service, `many-${n}`)
  const by = { operator: 'kim', via: 'console', reason: 'all of them' } as const
  await replayMatching(service.db, { status: 'dead' }, by, { now: service.now(), most: 10_000 })
  expect((await listChanges(service.db, { limit: 10 })).changes).toMatchObject([
    {
      action: 'replay',
      reason: 'all of them',
      operator: 'kim',
      affected: 1_200,
      eventRowId: null,
      statusBefore: 'dead',
    },
  ])
  await service.rows('delete from webhook_events')
})

test('every command that changes something is kept with who, why and how many', async () => {
  const id = await killedEvent(service, 'one')
  expect(await run('dead', 'discard', id, '--reason', 'nonsense')).toMatchObject({ code: 0 })
  expect(await newest()).toMatchObject({ action: 'discard', reason: 'nonsense', affected: 1, eventRowId: id })
  expect(await run('events', 'replay', id, '--reason', 'after all')).toMatchObject({ code: 0 })
  expect(await newest()).toMatchObject({ action: 'replay', reason: 'after all', affected: 1, eventRowId: id })
  await service.rows(`update mailboxes set paused_at = now(), paused_reason = 'x' where id = 1`)
  expect(await run('mailboxes', 'resume', 'box1@rf-send-01.com', '--reason', 'clean')).toMatchObject({
    code: 0,
  })
  expect(await newest()).toMatchObject({
    action: 'resume mailbox',
    subject: 'mailbox:box1@rf-send-01.com',
    affected: 1,
  })
  expect(
    await asOwner('forget', 'contact1@example.com', '--yes', '--reason', 'contact1@example.com asked'),
  ).toMatchObject({
    code: 0,
  })
  const forgotten = await newest()
  expect(forgotten).toMatchObject({ action: 'forget', subject: 'contact:1', via: 'command line' })
  expect(forgotten?.affected).toBeGreaterThan(0)
  // The reason named the address: nothing is left of it.
  expect(JSON.stringify(forgotten)).not.toContain('contact1@')
}, 300_000)

test('the page and the command list the changes, the newest first, page by page', async () => {
  const page = await (await visit(service, '/console/audit')).text()
  expect(page.indexOf('forget')).toBeLessThan(page.indexOf('resume mailbox'))
  expect(page).toContain('1,200')
  const first = JSON.parse((await run('audit', 'list', '--limit', '2', '--json')).stdout)
  expect(first.changes.map(({ action }: { action: string }) => action)).toEqual(['forget', 'resume mailbox'])
  const second = JSON.parse(
    (await run('audit', 'list', '--limit', '2', '--before', first.next, '--json')).stdout,
  )
  expect(second.changes.map(({ action }: { action: string }) => action)).toEqual(['replay', 'discard'])
}, 300_000)

test('the password for looking opens every page, shows no form, and changes nothing', async () => {
  const id = await killedEvent(service, 'looked-at')
  await service.rows(`update mailboxes set paused_at = now(), paused_reason = 'x' where id = 2`)
  const reader = basic('sam', READ_PASSWORD)
  for (const path of [
    '',
    '/events',
    `/events/${id}`,
    '/replay?status=dead',
    '/mailboxes/2',
    '/audit',
    '/refused',
  ]) {
    const answer = await fetch(`${service.url}/console${path}`, { headers: reader })
    expect(answer.status, path).toBe(200)
    expect(await answer.text(), path).not.toContain('method="post"')
  }
  for (const path of ['/console/replay', `/console/events/${id}/replay`, '/console/mailboxes/2/resume']) {
    const answer = await submit(
      service,
      path,
      { status: 'dead', reason: 'x' },
      { origin: service.url, ...reader },
    )
    expect(answer.status, path).toBe(403)
  }
  expect(await service.rows('select status from webhook_events where id = $1', id)).toEqual([
    { status: 'dead' },
  ])
  expect(await service.rows('select from mailboxes where id = 2 and paused_at is not null')).toHaveLength(1)
})

test.each([
  ['from a trusted proxy', { 'x-forwarded-user': 'ana@roleferry.com' }, 'ana@roleferry.com'],
  ['from a trusted proxy, in UTF-8', { 'x-forwarded-user': Buffer.from('José').toString('latin1') }, 'José'],
  ['empty', { 'x-forwarded-user': ' ' }, 'kim'],
  ['missing', {}, 'kim'],
])('a name that is %s is kept as it should be', async (_what, headers, name) => {
  const id = await killedEvent(service, crypto.randomUUID())
  const answer = await submit(
    service,
    `/console/events/${id}/replay`,
    { reason: 'x' },
    { origin: service.url, ...basic('kim', PASSWORD), ...(headers as Record<string, string>) },
  )
  expect(answer.status).toBe(303)
  expect(await newest()).toMatchObject({ eventRowId: id, operator: name })
})

test('a name in a header counts only from an address that is trusted', async () => {
  const other = await startWithConsole({
    DATABASE_URL: service.databaseUrl,
    CONSOLE_USER_HEADER: 'X-Forwarded-User',
    TRUST_PROXY: '192.0.2.1',
  })
  try {
    const id = await killedEvent(other, crypto.randomUUID())
    await submit(
      other,
      `/console/events/${id}/replay`,
      { reason: 'x' },
      {
        origin: other.url,
        ...basic('kim', PASSWORD),
        'x-forwarded-user': 'mallory',
        'x-forwarded-for': '192.0.2.1',
      },
    )
    expect(await newest()).toMatchObject({ eventRowId: id, operator: 'kim' })
  } finally {
    await other.stop()
  }
})
