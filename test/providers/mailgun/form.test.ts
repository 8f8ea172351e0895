import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readAddresses } from '../../../src/mail/addresses.ts'
import { classify } from '../../../src/mail/kind/classify.ts'
import { fromPayload } from '../../../src/mail/mail.ts'
import { readThread } from '../../../src/mail/match/threads.ts'
import { isStopRequest } from '../../../src/mail/stop/stop-request.ts'
import { keptBody, readEvent } from '../../../src/providers/mailgun/events.ts'
import { decodeForm, decodeSignature, valuesOf } from '../../../src/providers/mailgun/form.ts'
import { readMail } from '../../../src/providers/mailgun/read-mail.ts'
import { type FormFields, urlencoded } from '../../../src/simulators/mailgun/sign.ts'
import { propertyRuns } from '../../property-runs.ts'

const decoded = (text: string, charset = 'utf-8') => decodeForm({ urlencoded: text }, charset)
const encoded = (fields: FormFields) => urlencoded(fields).body.toString()
const subjectOf = (text: string) => readMail(decoded(text), 0).subject

describe('an urlencoded form', () => {
  test('gives back what a form encodes', () => {
    const value = fc.string({ unit: 'grapheme', maxLength: 200 })
    fc.assert(
      fc.property(value, value, (subject, text) => {
        const { fields } = decoded(
          encoded([
            ['subject', subject],
            ['body-plain', text],
          ]),
        )
        expect(fields.get('subject')).toBe(subject.toWellFormed())
        expect(fields.get('body-plain')).toBe(text.toWellFormed())
      }),
    )
  })
  test('is read in the charset it names, and in UTF-8 when that is unknown', () => {
    expect(decoded('subject=Gr%FC%DFe', 'iso-8859-1').fields.get('subject')).toBe('Grüße')
    expect(decoded('subject=%93%FA%96%7B', 'shift_jis').fields.get('subject')).toBe('日本')
    expect(decoded('subject=Gr%C3%BC%C3%9Fe', 'no-such-charset').fields.get('subject')).toBe('Grüße')
  })
  test('keeps what is no escape, and makes U+FFFD of what is no UTF-8', () => {
    expect(decoded('subject=100%+sure%2').fields.get('subject')).toBe('100% sure%2')
    expect(decoded('subject=%FF').fields.get('subject')).toBe('\ufffd')
  })
  test('keeps the case of names, the first of a name, and the names of Object.prototype as data', () => {
    const form = decoded(
      encoded([
        ['subject', 'ours'],
        ['Subject', 'theirs'],
        ['subject', 'again'],
        ['__proto__', 'x'],
        ['constructor', 'y'],
        ['toString', 'z'],
      ]),
    )
    expect(form.fields.get('subject')).toBe('ours')
    expect(form.headers).toEqual([
      ['Subject', 'theirs'],
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['toString', 'z'],
    ])
    expect(valuesOf(form, 'subject')).toEqual(['ours'])
  })
  test('keeps up to four values of a signature field, however its name is written', () => {
    const tokens = (text: string) => valuesOf(decodeSignature({ urlencoded: text }), 'token')
    for (const again of ['token=b', 'tok%65n=b', '%74oken=b']) {
      expect(tokens(`token=a&timestamp=1&signature=c&${again}`)).toEqual(['a', 'b'])
    }
    expect(tokens('token=a&token=&token=a&token=b&token=c&token=d&token=e')).toEqual(['a', 'b', 'c', 'd'])
    expect(tokens('token=a&Token=b&timestamp=1')).toEqual(['a'])
  })
  test('keeps no more of other fields than its bounds', () => {
    const form = decoded(
      encoded([
        ...Array.from({ length: 2_000 }, (_, n): [string, string] => [`X-${n}`, 'x'.repeat(1_000)]),
        ['n'.repeat(500), 'long name'],
        ['X-Last', 'not kept'],
        ['subject', 'kept'],
        ['body-xml', '<p>'],
      ]),
    )
    expect(JSON.stringify(form.headers).length).toBeLessThan(300_000)
    expect(form.headers.map(([name]) => name)).not.toContain('X-Last')
    expect(form.fields.get('subject')).toBe('kept')
    expect(form.fields.has('body-xml')).toBe(false)
  })
  test('of more fields than any mail has is refused', () => {
    for (const text of ['a=&'.repeat(10_001), '&'.repeat(10_001)]) {
      expect(() => decodeSignature({ urlencoded: text })).toThrow(/^Too many fields/)
    }
  })
})

describe('a mail', () => {
  test('reads its headers from message-headers, and from the fields what is missing there', () => {
    const mail = readMail(
      decoded(
        encoded([
          ['message-headers', JSON.stringify([['Message-ID', '<listed@x>'], 'odd', [1, 2], ['X-A', 'a']])],
          ['Message-Id', '<field@x>'],
          ['In-Reply-To', '<thread@x>'],
        ]),
      ),
      0,
    )
    expect(mail.messageId).toBe('<listed@x>')
    expect(readThread(mail).ids).toEqual(['<thread@x>'])
  })
  test('has its subject decoded when it comes as it stood in the header', () => {
    expect(subjectOf('subject==?UTF-8?Q?R=C3=A9ponse_automatique?= : oui')).toBe('Réponse automatique : oui')
    expect(subjectOf(encoded([['subject', '=?iso-8859-1?Q?Gr=FC?= =?iso-8859-1?B?32U=?=']]))).toBe('Grüße')
    expect(subjectOf(encoded([['subject', '=?no-charset?Q?x?=']]))).toBe('x')
  })
  test('has the text of its HTML when it has no other', () => {
    const html: FormFields = [
      ['body-html', '<p>Please remove me.</p><blockquote>Hi Ana</blockquote>'],
      ['stripped-html', '<p>Please remove me.</p>'],
    ]
    const read = (...more: FormFields) => readMail(decoded(encoded([...html, ...more])), 0)
    const alone = { text: 'Please remove me.\n\n> Hi Ana', strippedText: 'Please remove me.' }
    expect(read()).toMatchObject(alone)
    expect(read(['body-plain', '\r\n'], ['stripped-text', ''])).toMatchObject(alone)
    expect(read(['body-plain', 'Yes\n> Hi'], ['stripped-text', 'Yes'])).toMatchObject({
      text: 'Yes\n> Hi',
      strippedText: 'Yes',
    })
    expect(read(['body-plain', 'Yes'])).toMatchObject({ text: 'Yes', strippedText: null })
  })
  test('has long text cut, with a note', () => {
    const { subject, text } = readMail(
      decoded(
        encoded([
          ['subject', 's'.repeat(5_000)],
          ['body-plain', 't'.repeat(200_000)],
        ]),
      ),
      0,
    )
    expect(subject).toBe(`${'s'.repeat(1_000)} [cut]`)
    expect(text).toBe(`${'t'.repeat(100_000)} [cut]`)
  })
})

test('parser and classifier never throw, whatever the fields hold', () => {
  const odd = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.stringMatching(/^[<>@"'(),:;=?\\ \r\n%&+a-z-]{0,40}$/),
    fc.json(),
    fc.constantFrom('', '\0', '\ud800', '<>', '[[', '[["a"]]', '[[["a","b"]]]', '=?utf-8?q?=?='),
  )
  const name = fc.oneof(
    fc.constantFrom(
      'recipient',
      'sender',
      'from',
      'subject',
      'body-plain',
      'body-html',
      'stripped-text',
      'stripped-html',
      'stripped-signature',
      'message-headers',
      'attachments',
      'In-Reply-To',
      'References',
      'Auto-Submitted',
      'Content-Type',
      'Return-Path',
      'Message-Id',
      'From',
      'Date',
    ),
    odd,
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(name, odd), { maxLength: 12 }), (pairs) => {
      const form = decoded(encoded([['recipient', 'a@b.example'], ...pairs]))
      const event = readEvent(form, { timestamp: 1_790_000_000, token: 'token' })
      const mail = fromPayload(JSON.parse(String(keptBody(event))))
      const context = { isOwn: false, answersUs: false, isContact: true }
      expect(['complaint', 'bounce', 'unsubscribe', 'auto_reply', 'reply']).toContain(classify(mail, context))
      expect(typeof isStopRequest(mail)).toBe('boolean')
      for (const id of readThread(mail).ids) expect(id).toMatch(/^<[^<>\s]+>$/)
      for (const { address } of readAddresses(mail.from ?? '')) expect(address).toBe(address.toLowerCase())
      expect(event.dedupeKey).toMatch(/^[\da-f]{64}$/)
      expect(String(keptBody(event))).not.toMatch(/\\u0000|\\ud[89a-f]/)
    }),
    { numRuns: propertyRuns(1_000) },
  )
})
