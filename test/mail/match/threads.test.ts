import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromPayload } from '../../../src/mail/mail.ts'
import { readThread } from '../../../src/mail/match/threads.ts'

const threadOf = (...headers: [name: string, value: string][]) => readThread(fromPayload({ headers }))
const idsOf = (value: string) => threadOf(['References', value]).ids

describe('the ids of a thread header', () => {
  test.each([
    ['<a@x>', ['<a@x>']],
    ['<a@x> <b@x>', ['<b@x>', '<a@x>']],
    ['<a@x><b@x>,<a@x>', ['<a@x>', '<b@x>']],
    ['a@x', ['<a@x>']],
    ['"a@x"', ['<a@x>']],
    [`'a@x'`, ['<a@x>']],
    ['"<a@x>"', ['<a@x>']],
    ['&lt;a@x&gt;', ['<a@x>']],
    ['&LT;a@x&GT; &quot;', ['<a@x>']],
    ['<a@x> (of Ana, ana@acme.example)', ['<a@x>']],
    ['Message of Tuesday from "Ana" a@x', ['<a@x>']],
    ['<a\r\n b@x>', ['<a_b@x>', '<ab@x>']],
    ['=?utf-8?q?=3Ca=40x=3E?=', ['<a@x>']],
    ['=?utf-8?q?=3Coutreach=5F1=40x=3E?=', ['<outreach_1@x>']],
    ['=?utf-8?q?=3Coutreach_1=40x=3E?=', ['<outreach_1@x>', '<outreach1@x>']],
    ['=?us-ascii?B?PGFAeD4=?=', ['<a@x>']],
    ['=?UTF-8?Q?=3Ca?=\r\n =?UTF-8?Q?=40x=3E?=', ['<a@x>']],
    ['%3Ca%40x%3E', ['<a@x>']],
    ['%3coutreach_1@x%3e', ['<outreach_1@x>']],
    ['%3Coutreach%5F1%40x%3E %3Cb@x%3E', ['<b@x>', '<outreach_1@x>']],
    ['<a%3Cb@x>', ['<a%3Cb@x>']],
    ['<"outreach_1"@x>', ['<outreach_1@x>', '<"outreach_1"@x>']],
    ['<"a b"@x>', ['<a_b@x>', '<"a_b"@x>', '<ab@x>', '<"ab"@x>']],
    ['<no-at-sign>', ['<no-at-sign>']],
    ['<>', []],
    ['no id at all', []],
    ['', []],
  ])('%j', (value, ids) => expect(idsOf(value)).toEqual(ids))
})

test('In-Reply-To counts before References, whatever the order and the case of the names', () => {
  expect(threadOf(['REFERENCES', '<a@x> <b@x>'], ['in-reply-to', '<c@x>']).ids).toEqual([
    '<c@x>',
    '<b@x>',
    '<a@x>',
  ])
})

test('a mail with a thread header is an answer, even when no id can be read; an empty header says nothing', () => {
  expect(threadOf(['In-Reply-To', '=?no-such-charset?q?abc?='])).toMatchObject({ isReply: true, ids: [] })
  expect(threadOf(['References', '<a@x>'])).toMatchObject({ isReply: true })
  expect(threadOf(['References', ' \r\n '])).toMatchObject({ isReply: false })
  expect(threadOf(['Subject', 'Re: <a@x>'])).toMatchObject({ isReply: false })
})

test('whatever a header holds, at most a hundred ids come out, each in brackets and without spaces', () => {
  const piece = fc.constantFrom(
    '<',
    '>',
    '@',
    'a',
    ' ',
    '\r\n ',
    '&lt;',
    '=?utf-8?q?=3C',
    '?=',
    '"',
    ',',
    '_',
    'é',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ unit: 'binary' })), { maxLength: 400 }), (pieces) => {
      const { ids } = threadOf(['References', pieces.join('')])
      expect(ids.length).toBeLessThanOrEqual(100)
      for (const id of ids) expect(id).toMatch(/^<[^<>\s]+>$/)
    }),
  )
})
