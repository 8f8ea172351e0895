import { describe, expect, test } from 'vitest'
import { fromPayload } from '../../../src/mail/mail.ts'
import { ownText } from '../../../src/mail/text/quotes.ts'
import { QUOTES } from './quoted.ts'

const own = (text: string) => ownText(fromPayload({ from: 'Ana Lopez <ana@acme.example>', text }))

describe('a quote is taken off', () => {
  for (const [name, quote] of Object.entries(QUOTES)) {
    test(name, () => {
      expect(own(`Yes, call me.\n${quote}`)).toBe('Yes, call me.')
      expect(own(`Yes, call me.\n\n${quote}`)).toBe('Yes, call me.')
      expect(own(`Ja.\r\nAm Freitag um 9:00.\r\n\r\n${quote.replaceAll('\n', '\r\n')}`)).toBe(
        'Ja.\nAm Freitag um 9:00.',
      )
      expect(own(quote)).toBe('')
    })
  }
})

test('what is written below and between marked quotes stays', () => {
  expect(
    own(
      'On Mon, Oct 5, 2026 at 9:00 AM Sam <sam@rf.example> wrote:\n> When?\n\nOn Friday.\n> Where?\n\nHere.',
    ),
  ).toMatch(/^On Friday\.\n+Here\.$/)
})
test('what Mailgun stripped is taken, without the signature that it names', () => {
  const mail = { text: 'Yes\n> quote', strippedText: 'Yes\nAna of Acme', strippedSignature: 'Ana of Acme' }
  expect(ownText(fromPayload(mail))).toBe('Yes')
})
test('text that only looks like a quote stays', () => {
  for (const text of [
    'On Monday I wrote: nothing.',
    'From: nine to five is fine.',
    'I am free at:\n- 9:00\n- 10:00',
    'Date: any. Place: any.',
    'Call me: 555 0100',
  ]) {
    expect(own(text)).toBe(text)
  }
})
