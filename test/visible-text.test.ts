import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { plain, printFields, printJson, printTable, remark } from '../src/cli/output.ts'
import { html, render } from '../src/console/html.ts'
import { json } from '../src/console/json.ts'
import { propertyRuns } from './property-runs.ts'

/** All that acts on a terminal, or turns around what is read; line feeds are the program's own. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ACTING = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 3 }),
      fc.integer({ min: 0, max: 0x9f }).map((code) => String.fromCharCode(code)),
      fc.constantFrom(
        '\u001b[2J',
        '\u009b31m',
        '\u001b]0;owned\u0007',
        '\u202e',
        '\u2066',
        '\u200f',
        '\u061c',
        '\u2028',
      ),
    ),
  )
  .map((parts) => parts.join(''))

const printed = (print: () => void): string => {
  const lines: string[] = []
  const spies = (['log', 'error'] as const).map((name) =>
    vi.spyOn(console, name).mockImplementation((...parts: unknown[]) => void lines.push(parts.join(' '))),
  )
  try {
    print()
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
  return lines.join('\n')
}

describe('no text of an event can control a terminal or a page', () => {
  const forms: [what: string, show: (text: string) => string][] = [
    [
      'in a table',
      (text) =>
        printed(() =>
          printTable(
            ['a', 'b'],
            [
              [text, 'x'],
              ['y', text],
            ],
          ),
        ),
    ],
    ['in fields', (text) => printed(() => printFields([['a', text]]))],
    ['in a remark', (text) => printed(() => remark(text))],
    ['in a message', plain],
    ['in JSON', (text) => printed(() => printJson({ [text]: [text] }))],
    ['on a page', (text) => render(html`<p title="${text}">${text}</p>`)],
    ['in a payload on a page', (text) => render(json(JSON.stringify({ [text]: text }, null, 2)))],
  ]
  test.each(forms)('%s', (_what, show) => {
    fc.assert(
      fc.property(text, (hostile) => !ACTING.test(show(hostile))),
      { numRuns: propertyRuns(500) },
    )
  })
})

test('JSON means the same', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), text, (value, hostile) => {
      const given = { value, [hostile]: hostile }
      expect(JSON.parse(printed(() => printJson(given)))).toEqual(JSON.parse(JSON.stringify(given)))
    }),
  )
})
