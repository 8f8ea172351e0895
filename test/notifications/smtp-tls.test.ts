import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { createEmail } from '../../src/notifications/email.ts'

const PASSWORD = 'correct-horse'
const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** A mail server that takes everything in clear and has no TLS; `said` is everything that it received. */
const startPlainServer = async ({ announces = [] as string[] } = {}) => {
  let said = ''
  const server = createServer((socket) => {
    socket.on('error', () => {})
    let inData = false
    const answer = (line: string) => socket.write(`${line}\r\n`)
    answer('220 mail.example')
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().split('\r\n').slice(0, -1)) {
        said += `${line}\n`
        if (inData) {
          if (line !== '.') continue
          inData = false
          answer('250 taken')
        } else if (/^EHLO/.test(line)) {
          for (const name of ['mail.example', ...announces]) answer(`250-${name}`)
          answer('250 AUTH PLAIN')
        } else if (/^AUTH/.test(line)) answer('235 welcome')
        else if (/^STARTTLS/.test(line)) answer('454 not now')
        else if (/^DATA/.test(line)) {
          inData = true
          answer('354 go on')
        } else answer('250 fine')
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stops.push(() => server.close())
  const { port } = server.address() as { port: number }
  return { port, said: () => said }
}

const mailTo = (url: string) =>
  createEmail({ config: readConfig({ DATABASE_URL: 'postgres://localhost/none', SMTP_URL: url }) })(
    { to: 'sam@example.com', template: 'welcome', data: { tier: 'Pro', credits: 500 } },
    AbortSignal.timeout(10_000),
    { key: 'a', event: '1' },
  )

test.each([
  ['a server without STARTTLS', [], ''],
  ['a server that announces STARTTLS and refuses it', ['STARTTLS'], ''],
  ['a server without STARTTLS, required by hand', [], '?requireTLS=true'],
])('%s hears neither the password nor an address', async (_what, announces, query) => {
  const server = await startPlainServer({ announces })
  await expect(mailTo(`smtp://sam:${PASSWORD}@127.0.0.1:${server.port}${query}`)).rejects.toThrow(/STARTTLS/)
  expect(server.said()).toMatch(/^EHLO .*\nSTARTTLS\n/)
  expect(server.said()).not.toMatch(/AUTH|MAIL|RCPT|@/)
})

test.each([
  ['smtp://sam:correct-horse@', '?tls=off', true],
  ['smtp://', '', false],
])('%s…%s mails in clear, since it says so or has no password to lose', async (before, after, loggedIn) => {
  const server = await startPlainServer()
  expect(await mailTo(`${before}127.0.0.1:${server.port}${after}`)).toBe('sent')
  expect(server.said()).toContain('RCPT TO:<sam@example.com>')
  expect(server.said().includes(Buffer.from(`\0sam\0${PASSWORD}`).toString('base64'))).toBe(loggedIn)
})
