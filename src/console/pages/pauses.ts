import type { FastifyInstance } from 'fastify'
import { listPauses, type Pause, pauseProcessing, resumeProcessing } from '../../operations/pauses.ts'
import { PROVIDER_NAMES, type ProviderName, providerLabel } from '../../providers/index.ts'
import { type ConsoleContext, mayChange, operatorOf } from '../context.ts'
import { ago } from '../format.ts'
import { type Html, html } from '../html.ts'
import { card, nothing } from '../parts.ts'
import { Incomplete, reasonField } from '../reason.ts'

/** What is paused; a provider, or one of its event types, is paused and resumed here. */
export const pausesPage = (
  scope: FastifyInstance,
  { pool, clock, eventTypes, show, wake }: ConsoleContext,
): void => {
  scope.get('/pauses', async (request, reply) => {
    const pauses = await listPauses(pool)
    const now = clock()
    const form = mayChange(request)
    return show(reply, {
      title: 'Pauses',
      section: 'overview',
      body: html`
<h1>Pauses</h1>
<p class="lead">Deliveries of what is paused are accepted and kept. Nothing of it is applied until it is resumed.</p>
<div class="detail">
  <div class="stack">
    ${
      pauses.length === 0
        ? nothing('Nothing is paused', 'Every provider’s events are processed as they come.')
        : pauses.map((pause) => pauseCard(pause, now, form))
    }
  </div>
  <div class="stack">${form && card('Pause', pauseForm(eventTypes))}</div>
</div>`,
    })
  })

  scope.post('/pauses', async (request, reply) => {
    const what = readWhat(request.body)
    const paused = await pauseProcessing(pool, what, operatorOf(request), clock())
    request.log.info({ ...what, paused }, 'pause requested in the console')
    return reply.redirect('/console/pauses', 303)
  })

  scope.post('/pauses/resume', async (request, reply) => {
    const what = readWhat(request.body)
    const { resumed, due } = await resumeProcessing(pool, what, operatorOf(request), clock())
    request.log.info({ ...what, resumed, due }, 'resuming requested in the console')
    wake()
    return reply.redirect('/console/pauses', 303)
  })
}

const readWhat = (form: unknown): { provider: ProviderName; type?: string } => {
  const { provider, type } = (form ?? {}) as Record<string, unknown>
  const name = PROVIDER_NAMES.find((known) => known === provider)
  if (name === undefined) throw new Incomplete('Say which provider.')
  const given = typeof type === 'string' ? type.replaceAll('\0', '').trim().slice(0, 200) : ''
  return given === '' ? { provider: name } : { provider: name, type: given }
}

/** As people say it: a provider, or one of its types. */
const pausedName = ({ provider, type }: Pick<Pause, 'provider' | 'type'>): string =>
  type === null ? providerLabel(provider) : `${providerLabel(provider)} ${type}`

const pauseCard = (pause: Pause, now: Date, form: boolean): Html =>
  card(
    pausedName(pause),
    html`<p>Paused ${ago(pause.pausedAt, now)} by ${pause.operator}: “${pause.reason}”</p>
    ${
      form &&
      html`<form method="post" action="/console/pauses/resume">
      <input type="hidden" name="provider" value="${pause.provider}">
      ${pause.type !== null && html`<input type="hidden" name="type" value="${pause.type}">`}
      ${reasonField('Why it may go on', `reason-${pause.provider}-${pause.type ?? ''}`)}
      <button type="submit">Resume ${pausedName(pause)}</button>
    </form>`
    }`,
  )

const pauseForm = (types: string[]): Html => html`
<form method="post" action="/console/pauses">
  <div class="field"><label for="provider">Provider</label>
    <select id="provider" name="provider">${PROVIDER_NAMES.map((name) => html`<option value="${name}">${providerLabel(name)}</option>`)}</select></div>
  <div class="field"><label for="type">Only this type</label>
    <input id="type" name="type" list="types" placeholder="All its events" autocomplete="off" spellcheck="false" maxlength="200">
    <datalist id="types">${types.map((type) => html`<option value="${type}"></option>`)}</datalist></div>
  ${reasonField('Why it is paused')}
  <button type="submit">Pause</button>
</form>`
