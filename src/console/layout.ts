import type { Pause } from '../operations/pauses.ts'
import type { AssetPaths } from './assets.ts'
import { type Content, type Html, html } from './html.ts'

/** Where a page stands: which entry of the navigation is marked. */
export type Section = 'overview' | 'events' | 'deliveries' | 'refused' | 'mailboxes' | 'audit'

const SECTIONS: Record<Section, [path: string, name: string]> = {
  overview: ['/console', 'Overview'],
  events: ['/console/events', 'Events'],
  deliveries: ['/console/deliveries', 'Deliveries'],
  refused: ['/console/refused', 'Refused'],
  mailboxes: ['/console/mailboxes', 'Mailboxes'],
  audit: ['/console/audit', 'Audit'],
}

/**
 * No evaluation, no style of its own, and an error never replaces what is shown: the policy of the page stays strict.
 */
const HTMX_CONFIG = JSON.stringify({
  includeIndicatorCSS: false,
  extensions: 'none',
  noSwap: [204, 304, '4xx', '5xx'],
  // What the reader opened stays open when a page shows itself again.
  morphIgnore: ['data-htmx-powered', 'open'],
})

const MARK = html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8"/><path d="M7 18h18l-2.6 6H9.6zM10 16v-4h9l3 4zM12 10.500v-3h4v3z"/></svg>`

/** Every page of the console: one head, one navigation, one look. */
export const createLayout =
  (assets: AssetPaths, environment: string | undefined) =>
  ({
    title,
    section,
    body,
    pauses,
  }: {
    title: string
    section?: Section | undefined
    body: Content
    /** What is paused: said on every page. */
    pauses: Pause[]
  }): Html =>
    html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<meta name="htmx-config" content="${HTMX_CONFIG}">
<title>${title} · RoleFerry webhooks</title>
<link rel="icon" href="${assets.icon}">
<link rel="stylesheet" href="${assets.style}">
<script src="${assets.htmx}" defer></script>
<script src="${assets.script}" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="top">
  <div class="inner">
    <a class="brand" href="/console">${MARK}<span>RoleFerry <span class="thin">webhooks</span></span></a>
    ${environment !== undefined && html`<span class="environment">${environment}</span>`}
    <nav aria-label="Console">
      ${Object.entries(SECTIONS).map(
        ([name, [path, label]]) =>
          html`<a href="${path}"${name === section && html` aria-current="page"`}>${label}</a>`,
      )}
    </nav>
  </div>
</header>
<main id="main" class="inner" tabindex="-1">
${pauses.length > 0 && html`<p class="notice paused" role="status">Processing is paused: <a href="/console/pauses">${pauses.map(({ provider, type }) => (type === null ? provider : `${provider} ${type}`)).join(', ')}</a></p>`}
${body}
</main>
<p class="skip" id="said" role="status"></p>
</body>
</html>
`
