import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromPayload } from '../../../src/mail/mail.ts'
import { isStopRequest } from '../../../src/mail/stop/stop-request.ts'
import { propertyRuns } from '../../property-runs.ts'
import { REQUESTS } from '../labelled/stop-wordings.ts'

const asksToStop = (strippedText: string | null, parts: Record<string, string> = {}) =>
  isStopRequest(
    fromPayload({ from: 'Ana Lopez <ana@acme.example>', subject: 'Re: hi', strippedText, ...parts }),
  )

for (const text of [
  'unsubscribe',
  'STOP',
  'Stop.',
  'remove',
  'Please remove me',
  'Remove me from your mailing list, please.',
  'opt out',
  'Opt-out!',
  'opt me out',
  'Please stop emailing me',
  'Stop sending me emails!',
  'Do not contact me again.',
  'Don’t email me anymore',
  'take me off your list',
  'Hi Sam,\n\nplease unsubscribe me from this list.\n\nThanks,\nAna',
  'Unsubscribe\nAna Lopez',
  'Please remove me.\n-- \nAna Lopez\nAcme',
  'unsubscribe\n\nOn Mon, Oct 5, 2026 at 9:00 AM Sam <sam@x.example> wrote:\n> Let us talk',
  'unsubscribe\n\nOn Mon, Oct 5, 2026 at 9:00 AM Sam\n<sam@x.example> wrote:\n> Let us talk',
  'STOP\r\n\r\nSent from my iPhone',
  'I would like to unsubscribe',
  'please remove my email address from your database',
  'No more emails please',
  'Bitte abmelden',
  'désabonner svp',
]) {
  test(`is a request to stop: ${JSON.stringify(text)}`, () => expect(asksToStop(text)).toBe(true))
}

for (const text of [
  'Stop by my office on Tuesday',
  'I will not stop until we talk',
  'Please do not remove me from the process',
  'Please unsubscribe me, but call me on Friday',
  'Remove the second paragraph and send it again',
  'Yes, Tuesday works.\n\nOn Mon, Sam wrote:\n> unsubscribe',
  'not interested',
  'Send me more emails',
  'Thanks!',
  'please',
  `${'stop '.repeat(100)}`,
]) {
  test(`is an answer: ${JSON.stringify(text.slice(0, 60))}`, () => expect(asksToStop(text)).toBe(false))
}

test('is found in the whole text when Mailgun could not strip it', () => {
  expect(asksToStop(null, { text: 'unsubscribe\r\n> Let us talk' })).toBe(true)
  expect(asksToStop('unsubscribe\nAna of Acme', { strippedSignature: 'Ana of Acme' })).toBe(true)
})
test('is found in the subject when there is no text', () => {
  expect(asksToStop('', { subject: 'Unsubscribe' })).toBe(true)
  for (const subject of ['Re: Unsubscribe', 'AW: Bitte abmelden', 'RE: Re[2]: Remove me from your list']) {
    expect(asksToStop('', { subject })).toBe(true)
  }
  for (const text of [
    '-- \nAna',
    '--\nAna Lopez\nAcme',
    'Ana Lopez',
    'Best regards,\nAna',
    'Sent from my iPhone',
  ]) {
    expect(asksToStop(text, { subject: 'Unsubscribe' })).toBe(true)
    expect(asksToStop(text, { subject: 'Your opening' })).toBe(false)
  }
  for (const text of ['Call me', 'Yes', '-----\nCall me', 'Best regards,\nAna\nPS: call me']) {
    expect(asksToStop(text, { subject: 'unsubscribe' })).toBe(false)
    expect(asksToStop(text, { subject: 'Re: Unsubscribe' })).toBe(false)
  }
})

test('an address in a request must be the sender’s own: no person can opt out another', () => {
  const requests = (address: string) => [
    `unsubscribe ${address}`,
    `Please remove ${address} from your list.`,
    `Please take ${address} off your list`,
    `${address}: please remove`,
    `Bitte entfernen Sie ${address} aus Ihrem Verteiler`,
    `Merci de retirer ${address} de votre liste`,
  ]
  for (const own of [
    'ana@acme.example',
    'ANA@Acme.Example',
    '<ana@acme.example>',
    'ana@acme.example<mailto:ana@acme.example>',
    'mailto:ana@acme.example',
    'ana+jobs@acme.example',
  ]) {
    for (const text of requests(own)) expect(asksToStop(text), text).toBe(true)
  }
  for (const other of ['bob@example.com', 'ana@other.example', 'xana@acme.example', 'ana@acme.example.org']) {
    for (const text of requests(other)) expect(asksToStop(text), text).toBe(false)
  }
  expect(asksToStop('unsubscribe ana@acme.example and bob@acme.example')).toBe(false)
  expect(asksToStop('unsubscribe ana@xn--bcher-kva.example', { from: 'Ana <ana@bücher.example>' })).toBe(true)
})

// Anyone can write such a mail. Each took minutes or centuries with patterns that try every way to match.
for (const text of [
  `stop ${'hi '.repeat(95)}1`,
  `stop ${'hi hello dear '.repeat(20)}1`,
  `${'do not mail me '.repeat(19)}1`,
  `${'stop mailing me '.repeat(18)}1`,
  `stop ${'email '.repeat(45)}1`,
  `stop ${'emails'.repeat(45)}1`,
  `remove me ${'off '.repeat(60)}1`,
  'ﷺ '.repeat(140),
]) {
  test(`is judged at once: ${JSON.stringify(text.slice(0, 40))}…`, () => expect(asksToStop(text)).toBe(false))
}
for (const line of [
  `am ${'schrieb'.repeat(20)}${' '.repeat(9_000)}x`,
  `am ${'schrieb'.repeat(28)}${': '.repeat(4_000)}x`,
  `${'am wrote : '.repeat(900)}x`,
  `am 12${'a écrit'.repeat(28)}${'\t'.repeat(9_000)}`,
]) {
  test(`a line is read at once: ${JSON.stringify(line.slice(0, 40))}…`, () =>
    expect(asksToStop(`${line}\n${line}`)).toBe(false))
}

const ungreeted = REQUESTS.filter((text) => !/^(hi|hey|hello|dear|bonjour|hola) /i.test(text))

test('any other word makes a request a person\u2019s answer, wherever it stands', () => {
  const request = fc.constantFrom(...ungreeted.filter((text) => text.includes(' ')))
  const other = fc.constantFrom(
    'tuesday',
    'interview',
    'salary',
    'dienstag',
    'martes',
    'lundi',
    'вторник',
    '面接',
  )
  fc.assert(
    fc.property(request, other, fc.nat(), (text, word, place) => {
      const words = text.split(' ')
      words.splice(place % (words.length + 1), 0, word)
      expect(asksToStop(words.join(' '))).toBe(false)
    }),
    { numRuns: propertyRuns(500) },
  )
})
test('greetings, thanks, a signature and a quote do not change a request', () => {
  const request = fc.constantFrom(...ungreeted)
  const before = fc.constantFrom(
    '',
    'Hi Sam,\n\n',
    'Hello,\n',
    'Dear Mr. Rivers,\n\n',
    'Guten Tag,\n\n',
    'Bonjour,\n',
  )
  const after = fc.constantFrom(
    '',
    '\n\nThanks',
    '\n\nThank you very much!',
    '\nDanke',
    '\nMerci',
    '\n\nBest regards,\nAna Lopez',
  )
  const signature = fc.constantFrom(
    '',
    '\n-- \nAna Lopez\nAcme',
    '\n\nSent from my iPhone',
    '\n\nAna Lopez\nHead of Data, Acme GmbH\n+49 30 1234567',
  )
  const quote = fc.constantFrom(
    '',
    '\n\n> Shall we talk?',
    '\n\nOn Mon, Oct 5, 2026 at 9:00 AM Sam <sam@rf.example> wrote:\n\n> Shall we talk?',
  )
  fc.assert(
    fc.property(request, before, after, signature, quote, (text, ...parts) => {
      const [start, thanks, signed, quoted] = parts
      expect(asksToStop(`${start}${text}${thanks}${signed}${quoted}`)).toBe(true)
    }),
    { numRuns: propertyRuns(500) },
  )
})
