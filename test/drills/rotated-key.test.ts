import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSendgridSigner } from '../../src/simulators/sendgrid/sign.ts'
import { webhooks } from '../cli/run.ts'
import { startWithConsole, visit } from '../console/console.ts'
import { asService } from '../database.ts'
import { post } from '../provider-contract.ts'
import { bodyOf, deliverAndSettle, event, seedOutreach } from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service } from '../service.ts'

// A key is rotated at the provider, and nobody told us. The operator has the console and the command line.

const newKey = createSendgridSigner()
let service: Service
beforeAll(async () => {
  service = await startWithConsole()
  await seedOutreach(service, 1)
})
afterAll(() => service.stop())

const page = async (path: string) => (await visit(service, path)).text()
const refusedTile = async () =>
  /<li class="tile ([^"]*)">\s*<span class="name">Refused<[\s\S]*?<\/li>/.exec(await page('/console'))

test('before, refusals of a provider that was never accepted leave the tile as it is', async () => {
  await post(service, '/webhooks/sendgrid', newKey.sign(Buffer.from(bodyOf([event('click')]))))
  await eventually(async () => (await refusedTile())?.[0].includes('>1<') || undefined, 'it is counted')
  expect((await refusedTile())?.[1]).toBe('')
})

test('the tile turns red and leads to the reason, since when, from where, and the diagnosis', async () => {
  await deliverAndSettle(service, event('click'))
  for (let n = 0; n < 3; n++) {
    await post(service, '/webhooks/sendgrid', newKey.sign(Buffer.from(bodyOf([event('click')]))))
  }
  const tile = await eventually(async () => {
    const found = await refusedTile()
    return found?.[1] === 'bad' && found[0].includes('>4<') ? found[0] : undefined
  }, 'the tile is red')
  const href = /href="([^"]+)"/.exec(tile)?.[1]?.replaceAll('&amp;', '&') ?? ''
  expect(href).toBe('/console/refused?provider=sendgrid&reason=signature_invalid')

  const list = await page(href)
  expect(list).toContain('SendGrid: signature invalid')
  expect(list).toContain('wrong key')
  expect(list).toContain('127.0.0.1')
  const detail = /href="(\/console\/refused\/\d+)"/.exec(list)?.[1] ?? ''
  const shown = await page(detail)
  expect(shown).toContain('none of 2 keys made it')
  expect(shown).toContain('x-twilio-email-event-webhook-signature')
  expect(shown).toContain('&quot;event&quot;:&quot;click&quot;')
})

test('the command line says the same', async () => {
  const env = { DATABASE_URL: asService(service.databaseUrl) }
  const ended = await webhooks(['refused', 'list', '--provider', 'sendgrid', '--json'], env)
  expect(ended).toMatchObject({ code: 0 })
  const { groups, deliveries } = JSON.parse(ended.stdout)
  expect(groups).toMatchObject([
    { provider: 'sendgrid', reason: 'signature_invalid', count: 4, diagnosis: 'wrong key', alarming: true },
  ])
  expect(groups[0].sources).toEqual(['127.0.0.1'])
  expect(Date.parse(groups[0].lastAcceptedAt)).not.toBeNaN()
  expect(deliveries).toHaveLength(4)
  const one = await webhooks(['refused', 'show', deliveries[0].id], env)
  expect(one).toMatchObject({ code: 0 })
  expect(one.stdout).toContain('wrong key')
  expect(one.stdout).toContain('"event":"click"')
  expect(await webhooks(['refused', 'show', '999'], env)).toMatchObject({ code: 3 })
  expect(await webhooks(['refused', 'list', '--reason', 'nonsense'], env)).toMatchObject({ code: 2 })
}, 300_000)
