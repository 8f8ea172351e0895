import { readdirSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

// Brings Datadog up to date with the files beside this one. What is there is found by its name, so a name that is changed
// here makes a second one there. Nothing is deleted.

const { values: options } = parseArgs({
  options: { 'dry-run': { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
})

const HELP = `npm run datadog -- [--dry-run]

Creates or updates the monitors, the SLO and the dashboard of datadog/ by Datadog's API.
--dry-run  asks Datadog to validate the monitors, and says what would be created or updated; changes nothing

DD_API_KEY, DD_APP_KEY  the keys; the second needs the rights to read and write monitors, SLOs and dashboards
DD_SITE                 datadoghq.com unless set
DD_API_URL              the whole address of the API, instead`

interface Resource {
  kind: 'monitor' | 'slo' | 'dashboard'
  /** Its name there: of a dashboard the title. */
  name: string
  body: Record<string, unknown>
}

const folder = (name: string): string[] =>
  readdirSync(new URL(name, import.meta.url)).map((file) => `${name}${file}`)

const read = (kind: Resource['kind'], path: string): Resource => {
  const body = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
  return { kind, name: body.name ?? body.title, body }
}

const RESOURCES: Resource[] = [
  ...folder('monitors/').map((path) => read('monitor', path)),
  ...folder('slos/').map((path) => read('slo', path)),
  read('dashboard', 'dashboard.json'),
]

/** How each kind is listed, and what its list and its ids are called. */
const LISTS = {
  monitor: { path: 'monitor?monitor_tags=service:roleferry-webhooks', items: (answer: unknown) => answer },
  slo: { path: 'slo?limit=1000', items: (answer: unknown) => (answer as { data: unknown }).data },
  dashboard: {
    path: 'dashboard',
    items: (answer: unknown) => (answer as { dashboards: unknown }).dashboards,
  },
} as const

const api = async (method: string, path: string, body?: unknown): Promise<unknown> => {
  const { DD_API_KEY, DD_APP_KEY, DD_SITE, DD_API_URL } = process.env
  if (!DD_API_KEY || !DD_APP_KEY) throw new Error('Set DD_API_KEY and DD_APP_KEY: see --help.')
  const url = new URL(`api/v1/${path}`, `${DD_API_URL ?? `https://api.${DD_SITE ?? 'datadoghq.com'}`}/`)
  const answer = await fetch(url, {
    method,
    headers: {
      'content-type': 'application/json',
      'dd-api-key': DD_API_KEY,
      'dd-application-key': DD_APP_KEY,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  })
  const text = await answer.text()
  if (!answer.ok)
    throw new Error(`${method} ${path}: Datadog answers ${answer.status}: ${text.slice(0, 500)}`)
  return JSON.parse(text)
}

/** The ids of what is there, by name. @throws when a name is there twice: which one is meant? */
const idsOf = async (kind: Resource['kind']): Promise<Map<string, string>> => {
  const { path, items } = LISTS[kind]
  const found = items(await api('GET', path)) as { id: string | number; name?: string; title?: string }[]
  const ids = new Map<string, string>()
  for (const { id, name, title } of found) {
    const called = name ?? title ?? ''
    if (ids.has(called) && RESOURCES.some((one) => one.kind === kind && one.name === called)) {
      throw new Error(`There are two ${kind}s called "${called}": delete one of them.`)
    }
    ids.set(called, String(id))
  }
  return ids
}

const deploy = async (dryRun: boolean): Promise<void> => {
  for (const [kind, ofKind] of Map.groupBy(RESOURCES, (one) => one.kind)) {
    const ids = await idsOf(kind)
    for (const { name, body } of ofKind) {
      const id = ids.get(name)
      if (kind === 'monitor') await api('POST', 'monitor/validate', body)
      if (!dryRun) await (id === undefined ? api('POST', kind, body) : api('PUT', `${kind}/${id}`, body))
      const verb = id === undefined ? 'create' : 'update'
      console.log(
        `${dryRun ? `would ${verb}` : `${verb}d`} ${kind} "${name}"${id === undefined ? '' : ` (${id})`}`,
      )
    }
  }
}

if (options.help) console.log(HELP)
else {
  await deploy(options['dry-run']).catch((error: Error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}
