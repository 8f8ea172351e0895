import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { styleText } from 'node:util'
import { compose, type EmailContent } from '../src/notifications/emails/index.ts'

// Shows every e-mail this service sends: the text here, the HTML in files for a browser.

const invoiceUrl = 'https://invoice.stripe.com/i/acct_1/test_1'
/** At least one of each. */
const samples: { [One in EmailContent as One['template']]: One['data'][] } = {
  welcome: [
    { tier: 'Pro', credits: 500 },
    { tier: 'Teams', credits: 2_000 },
  ],
  'payment-failed': [{ invoiceUrl, nextAttemptAt: '2026-12-03T09:00:00Z' }],
  'payment-failed-final': [{ invoiceUrl }, { invoiceUrl: null }],
  'subscription-ended': [{ tier: 'Pro' }],
}

const folder = fileURLToPath(new URL('../.data/emails', import.meta.url))
mkdirSync(folder, { recursive: true })
const pages: string[] = []
for (const [template, all] of Object.entries(samples)) {
  for (const [n, data] of all.entries()) {
    const { subject, text, html } = compose({ template, data } as EmailContent)
    const name = `${template}${n === 0 ? '' : `-${n + 1}`}`
    writeFileSync(join(folder, `${name}.html`), html)
    writeFileSync(join(folder, `${name}.txt`), text)
    pages.push(
      `<h2>${name}: ${subject}</h2><iframe src="${name}.html"></iframe><iframe src="${name}.txt"></iframe>`,
    )
    console.log(`${styleText('bold', subject)}   ${styleText('dim', `${name}.html, ${name}.txt`)}\n\n${text}`)
  }
}
const index = join(folder, 'index.html')
writeFileSync(
  index,
  `<!doctype html><meta charset="utf-8"><title>E-mails</title>
<style>body { font: 16px sans-serif; margin: 2rem } iframe { width: 48%; height: 26rem; border: 1px solid #999 }</style>
${pages.join('\n')}
`,
)
console.log(`All of them side by side: ${pathToFileURL(index)}`)
