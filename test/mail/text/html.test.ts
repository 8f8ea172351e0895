import { expect, test } from 'vitest'
import { textOfHtml } from '../../../src/mail/text/html.ts'

test.each([
  ['a word', '<p>unsubscribe</p>', 'unsubscribe'],
  ['entities', 'a &amp; b&nbsp;&lt;c&gt;', 'a & b\u00a0<c>'],
  ['lines', 'Hi Sam,<br>yes.<div>Ana</div>', 'Hi Sam,\nyes.\nAna'],
  ['a link without its address', '<a href="https://acme.example/u">Unsubscribe</a>', 'Unsubscribe'],
  [
    'neither styles nor scripts nor the head',
    '<html><head><title>x</title><style>p { color: red }</style></head><body><script>stop()</script><p>Yes</p></body></html>',
    'Yes',
  ],
  [
    'Gmail’s quote, marked',
    '<div dir="ltr">Yes</div><div class="gmail_quote">On Mon, Sam wrote:<blockquote><div>Hi Ana</div><div>shall we talk?</div></blockquote></div>',
    'Yes\nOn Mon, Sam wrote:\n> Hi Ana\n> shall we talk?',
  ],
  ['a quote in a quote, marked once', '<blockquote>a<blockquote>b</blockquote></blockquote>', '> a\n> \n> b'],
  ['nothing', '', ''],
  ['what is no HTML', 'a < b', 'a < b'],
])('the text of HTML: %s', (_, html, text) => expect(textOfHtml(html)).toBe(text))

test('a head larger than what is read does not hide the body', () => {
  expect(textOfHtml(`<head><style>${'p{}'.repeat(50_000)}</style></head><BODY class="x">Yes</BODY>`)).toBe(
    'Yes',
  )
})

test('whatever the HTML is, its text is not much longer', () => {
  const pieces = [
    '<div>',
    '<blockquote>',
    '<blockquote>x',
    '<ul><li>',
    '<table><tr><td>x',
    '<p>x',
    '<b><i>',
    '</p>',
  ]
  for (const piece of pieces) {
    const html = piece.repeat(100_000 / piece.length)
    expect(textOfHtml(html).length).toBeLessThan(100_000)
  }
})
