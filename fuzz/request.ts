import { gzipSync } from 'node:zlib'
import type { Random } from '../harness/random.ts'
import { hostileText } from './hostile.ts'
import { mutateBytes } from './mutate.ts'
import { toWire, type WireRequest } from './wire.ts'

interface Changed {
  what: string
  /** Whether the service must still answer: the end of the request is clear. */
  owed: boolean
  bytes: Buffer
}

const CONTENT_TYPES = [
  'application/json',
  'APPLICATION/JSON; CHARSET=UTF-16',
  'application/json;charset="',
  'application/jsonp',
  'application/x-www-form-urlencoded',
  'application/x-www-form-urlencoded; charset=utf-16le',
  'application/x-www-form-urlencoded; charset=iso-8859-1',
  'multipart/form-data',
  'multipart/form-data; boundary=',
  'multipart/form-data; boundary=x',
  `multipart/form-data; boundary=${'-'.repeat(8_000)}`,
  'multipart/form-data; boundary="a\\"b"; boundary=c',
  'multipart/mixed; boundary=x',
  'text/plain',
  '*/*',
  '',
  ';',
  '/',
]
const METHODS = [
  'GET',
  'PUT',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PATCH',
  'CONNECT',
  'PROPFIND',
  'post',
  'X',
  '',
]
const TARGETS = [
  '/',
  '*',
  '/webhooks/sendgrid/',
  '//webhooks/sendgrid',
  '/webhooks/%73endgrid',
  '/webhooks/sendgrid?x=%zz&__proto__=1',
  '/webhooks/sendgrid;x',
  '/webhooks/sendgrid/../stripe',
  '/webhooks/sendgrid%00',
  '/webhooks/%',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/healthz',
  '/readyz',
  '/console',
  '/console/events?q=%00',
  'http://other.example/webhooks/stripe',
  `/${'a'.repeat(10_000)}`,
]
const VERSIONS = ['HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/9', 'HTTP', '', 'XYZ/1.1']
const EXTRA_HEADERS: [string, string][] = [
  ['expect', '100-continue'],
  ['expect', 'a miracle'],
  ['upgrade', 'websocket'],
  ['upgrade', 'h2c'],
  ['content-encoding', 'gzip'],
  ['transfer-encoding', 'gzip, chunked'],
  ['transfer-encoding', 'identity'],
  ['content-length', '0'],
  ['content-length', '-1'],
  ['content-length', '99999999999999999999'],
  ['content-length', '1e3'],
  ['x-forwarded-for', '1.2.3.4, ::1, nonsense'],
  ['x-http-method-override', 'DELETE'],
  ['accept-version', '1.x'],
  ['__proto__', 'x'],
  ['constructor', 'x'],
  ['host', 'other.example'],
  ['x-long', 'x'.repeat(20_000)],
  ['x bad', 'x'],
  ['x-nul', 'a\0b'],
  ['x-fold', 'a\r\n b'],
  ['x-high', '\xff\xfe'],
]

/** Changes a request around its body: head, framing and encodings. */
export const changeRequest = (random: Random, request: WireRequest): Changed => {
  const { headers, body } = request
  const with_ = (changes: Partial<WireRequest>, what: string, owed = false): Changed => ({
    what,
    owed,
    bytes: toWire({ ...request, ...changes }),
  })
  const without = (name: string) => headers.filter(([other]) => other !== name)
  return random.pick<() => Changed>([
    () => {
      const type = random.pick(CONTENT_TYPES)
      return with_(
        { headers: [...without('content-type'), ['content-type', type]] },
        `type ${type.slice(0, 60)}`,
        true,
      )
    },
    () => with_({ headers: without('content-type') }, 'no type', true),
    () => with_({ method: random.pick(METHODS) }, 'another method'),
    () => {
      const target = random.pick(TARGETS)
      return with_({ target }, `to ${target.slice(0, 60)}`)
    },
    () => with_({ target: `/${encodeURI(hostileText(random, 500).toWellFormed())}` }, 'to an odd path'),
    () => with_({ version: random.pick(VERSIONS) }, 'another version'),
    () => {
      const [name, value] = random.pick(EXTRA_HEADERS)
      return with_({ headers: [...headers, [name, value]] }, `with ${name}: ${value.slice(0, 40)}`)
    },
    () => {
      const [name, value] = random.pick(headers)
      return with_({ headers: [...headers, [name, random.percent(50) ? value : 'x']] }, `${name} twice`)
    },
    () => {
      const [name] = random.pick(headers)
      const text = hostileText(random, 2_000)
        .replace(/[\r\n\0]/g, '')
        .toWellFormed()
      return with_(
        { headers: headers.map(([other, value]) => [other, other === name ? text : value]) },
        `an odd ${name}`,
      )
    },
    () => with_({ headers: without(random.pick(headers)[0]) }, 'a header less'),
    () => {
      const many = Array.from({ length: random.pick([100, 1_000, 3_000]) }, (): [string, string] => ['a', ''])
      return with_({ headers: [...many, ...headers] }, `${many.length} headers more`)
    },
    () =>
      with_(
        { headers: headers.map(([name, value]) => [random.percent(50) ? name.toUpperCase() : name, value]) },
        'upper case',
        true,
      ),
    () =>
      with_(
        {
          body: gzipSync(body),
          headers: [
            ...without('content-length'),
            ['content-encoding', 'gzip'],
            ['content-length', String(gzipSync(body).length)],
          ],
        },
        'compressed',
        true,
      ),
    () => with_({ body: body.subarray(0, random.between(0, body.length)) }, 'cut off'),
    () => with_({ body: Buffer.concat([body, body]) }, 'more than announced'),
    () =>
      with_(
        {
          headers: [...without('content-length'), ['transfer-encoding', 'chunked']],
          body: chunked(random, body),
        },
        'in chunks',
        true,
      ),
    () =>
      with_(
        { headers: [...headers, ['transfer-encoding', 'chunked']], body: chunked(random, body) },
        'in chunks with a length',
      ),
    () =>
      with_(
        {
          headers: [...without('content-length'), ['transfer-encoding', 'chunked']],
          body: mutateBytes(random, chunked(random, body)),
        },
        'in broken chunks',
      ),
    () => ({
      what: 'twice at once',
      owed: true,
      bytes: Buffer.concat([toWire({ ...request, headers: without('connection') }), toWire(request)]),
    }),
    () => {
      const bytes = toWire(request)
      const head = bytes.length - body.length
      return {
        what: 'bytes of the head changed',
        owed: false,
        bytes: Buffer.concat([mutateBytes(random, bytes.subarray(0, head)), body]),
      }
    },
    () => ({ what: 'no HTTP', owed: false, bytes: random.bytes(random.pick([1, 100, 10_000])) }),
  ])()
}

const chunked = (random: Random, body: Buffer): Buffer => {
  const parts: Buffer[] = []
  const most = random.pick([1, 10, 1_000, 100_000])
  for (let from = 0; from < body.length && parts.length < 30_000; ) {
    const size = parts.length > 20_000 ? body.length - from : random.between(1, most)
    const chunk = body.subarray(from, from + size)
    const extension = random.percent(5) ? ';x="y"' : ''
    parts.push(Buffer.from(`${chunk.length.toString(16)}${extension}\r\n`), chunk, Buffer.from('\r\n'))
    from += chunk.length
  }
  return Buffer.concat([
    ...parts,
    Buffer.from(random.percent(20) ? '0\r\nx-trailer: y\r\n\r\n' : '0\r\n\r\n'),
  ])
}
