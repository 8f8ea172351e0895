import type { Random } from '../harness/random.ts'
import type { FormFields } from '../src/simulators/mailgun/sign.ts'

const MIB = 1024 * 1024

/** `piece` as often as fits between the two. */
const filled = (begin: string, piece: string, end: string, bytes: number): string =>
  begin + piece.repeat(Math.max(0, Math.floor((bytes - begin.length - end.length) / piece.length))) + end

const names = (count: number, name: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => `"${name(n)}":1`).join()

/** JSON bodies that cost the most for their length, by name; `most` is the route's limit in bytes. */
export const extremeJson: Record<string, (most: number) => string> = {
  'all ones': (most) => filled('[', '1,', '1]', most),
  'all empty objects': (most) => filled('[', '{},', '{}]', most),
  'all empty arrays': (most) => filled('[', '[],', '[]]', most),
  'as many ones as are let in': () => filled('[', '1,', '1]', 39_998),
  'as many values in one event as are let in': (most) =>
    filled('[{"event":"click","a":[', '1,', '1]}]', Math.min(most, 299_000)),
  'as many names in one event as are let in': () => `[{${names(145_000, (n) => `name ${n}`)}}]`,
  'as many number-like names in one event as are let in': () => `[{${names(145_000, (n) => `${n * 7}`)}}]`,
  'a great many names, to be sorted': () => `[{${names(60_000, (n) => `${(n * 7_919) % 1_000_003}x`)}}]`,
  'nested to the limit': (most) => filled('[', `${'['.repeat(998)}${']'.repeat(998)},`, '1]', most),
  'nested below what is looked at': () =>
    filled('[', `${'['.repeat(9_000)}${']'.repeat(9_000)},`, '1]', 65_000),
  'nested only': (most) => '['.repeat(most),
  'one long string': (most) => filled('["', 'x', '"]', most),
  'one long string of escapes': (most) => filled('[{"event":"click","a":"', '\\u0000', '"}]', most),
  'one long string of lone surrogates': (most) => filled('[{"event":"click","a":"', '\\ud800', '"}]', most),
  'one long name': (most) => filled('[{"', 'x', '":1}]', most),
  'spaces only': (most) => ' '.repeat(most),
  'quotes only': (most) => '"'.repeat(most),
  'backslashes in a string': (most) => filled('["', '\\\\', '"]', most),
  'a long id in every event': (most) =>
    filled(
      '[',
      '{"event":"click","outreach_id":9223372036854775807,"sg_event_id":"x"},',
      '1]',
      Math.min(most, MIB),
    ),
  'spaces after the name of an id': (most) => filled('[{"outreach_id"', ' ', ':1}]', most),
  'digits without end': (most) => filled('[{"outreach_id":', '1', '}]', most),
  'one above the limit': (most) => filled('["', 'x', '"]', most + 1),
  'a Stripe event with many items': (most) =>
    filled(
      '{"id":"evt_EXTREME","type":"customer.subscription.updated","created":1,"data":{"object":{"id":"sub_1","customer":"cus_Sam","items":{"data":[',
      '{},',
      '1]}}}}',
      most,
    ),
  'a Stripe event with many lines': (most) =>
    filled(
      '{"id":"evt_EXTREME","type":"invoice.paid","created":1,"data":{"object":{"id":"in_1","customer":"cus_Sam","lines":{"data":[',
      '{"price":{"id":[]}},',
      '1]}}}}',
      most,
    ),
  'a Stripe event with many metadata': (most) =>
    filled(
      '{"id":"evt_EXTREME","type":"x","created":1,"data":{"object":{"metadata":{',
      '"a":1,',
      '"b":1}}}}',
      most,
    ),
}

/** The most expensive parts of a mail, by name: fields that are added to those of a valid one. */
export const extremeFields: Record<string, (random: Random) => FormFields> = {
  'the most fields': () => Array.from({ length: 9_900 }, (_, n): [string, string] => [`X-${n}`, '']),
  'too many fields': () => Array.from({ length: 200_000 }, (): [string, string] => ['a', '']),
  'a hundred thousand headers': () => [
    ['message-headers', JSON.stringify(Array.from({ length: 100_000 }, () => ['X-A', '']))],
  ],
  'two thousand long headers': () => [
    [
      'message-headers',
      JSON.stringify(Array.from({ length: 400 }, (_, n) => [`References`, `<${n}@x> `.repeat(250)])),
    ],
  ],
  'headers nested deeply': () => [['message-headers', '['.repeat(MIB)]],
  'a From without end': () => [
    ['From', '"a" <a@b>, '.repeat(700_000)],
    ['from', 'a:b;, '.repeat(900_000)],
  ],
  'a gigantic subject': () => [
    ['subject', '=?utf-8?Q?=41?= '.repeat(300_000)],
    ['Subject', 'ﷺ'.repeat(900_000)],
  ],
  'a gigantic text': () => [
    ['body-plain', '> stop\r\n'.repeat(600_000)],
    ['stripped-text', 'hi '.repeat(900_000)],
  ],
  'a text of quotes': () => [['stripped-text', `${'On Monday, '.repeat(30)}wrote\r\n`.repeat(800)]],
  'many attachments listed': () => [
    ['attachments', JSON.stringify(Array.from({ length: 5_000 }, () => ({ name: 'a', size: 1 })))],
  ],
  'a name without end': () => [['x'.repeat(5 * MIB), 'x']],
  'only plus signs': () => [['body-html', ' '.repeat(5 * MIB)]],
}
