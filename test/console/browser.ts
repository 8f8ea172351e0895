import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type axe from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { findChromium } from '../../harness/chromium.ts'
import type { Service } from '../service.ts'
import { PASSWORD } from './console.ts'

/** Pictures of each page, kept by CI; `npm run dev:pictures` writes those of the documents. */
const PICTURES = fileURLToPath(
  new URL(`../../${process.env.PICTURES ?? 'test-artifacts/console'}`, import.meta.url),
)
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const launchBrowser = async (): Promise<Browser> => {
  mkdirSync(PICTURES, { recursive: true })
  return chromium.launch({
    executablePath: await findChromium(),
    args: [
      '--no-sandbox', // Chromium refuses to run as root otherwise
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      // It is to talk to nobody but the service.
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** What went wrong in a page: errors, blocked by its policy, or a dialog that a script opened. */
export type Complaints = string[]

/** A logged-in tab that notes what a page complains of. */
export const openTab = async (
  browser: Browser,
  service: Service,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: Complaints }> => {
  const context = await browser.newContext({
    baseURL: service.url,
    httpCredentials: { username: 'kim', password: PASSWORD },
    viewport: { width: 1280, height: 800 },
    ...options,
  })
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  const complaints: Complaints = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('status of 404'))
      complaints.push(message.text())
  })
  return { page, complaints }
}

/** Takes a picture of the whole page. */
export const picture = (page: Page, name: string): Promise<Buffer> =>
  page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true })

/** Serious and critical findings of axe, in words. */
export const seriousFindings = async (page: Page): Promise<string[]> => {
  await page.evaluate(AXE) // from outside, so the page's policy does not hold it back
  const results = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run())
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(' | ')}`)
}
