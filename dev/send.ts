import { readFileSync } from 'node:fs'
import { bodyOf, createSendgridSigner } from '../src/providers/sendgrid/sign.ts'

// Sends one signed SendGrid event to the service that `npm run dev` runs.

const [type = 'delivered', outreachId = '1'] = process.argv.slice(2)
const keys = (() => {
  try {
    return JSON.parse(readFileSync(new URL('../.data/dev/keys.json', import.meta.url), 'utf8'))
  } catch {
    console.error('There are no keys in .data/dev: start `npm run dev` first, in another terminal.')
    process.exit(1)
  }
})()
const event = {
  email: 'somebody@example.com',
  timestamp: Math.floor(Date.now() / 1_000),
  event: type,
  sg_event_id: crypto.randomUUID(),
  sg_message_id: `${crypto.randomUUID()}.filter`,
  outreach_id: outreachId,
}
const { headers, body } = createSendgridSigner(keys.sendgrid).sign(Buffer.from(bodyOf([event])))
const url = `http://127.0.0.1:${keys.port}/webhooks/sendgrid`
try {
  const response = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) })
  console.log(`${response.status} ${await response.text()}`)
  process.exitCode = response.ok ? 0 : 1
} catch {
  console.error(`Nobody answers at ${url}: is \`npm run dev\` running?`)
  process.exitCode = 1
}
