import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { REFUSALS } from '../src/inbox/admission/refusal.ts'
import type { MisunderstandingReason } from '../src/inbox/provider.ts'
import { METRIC_PREFIX, METRICS } from '../src/metrics.ts'
import { PROVIDER_NAMES } from '../src/providers/index.ts'

// What is posted to Datadog's API names only what this service emits, and says what it means.

const read = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../datadog/${path}`, import.meta.url), 'utf8'))
const files = readdirSync(new URL('../datadog/monitors', import.meta.url))

/** POST /api/v1/monitor, as far as it is used here; anything else is a slip of the pen. */
const monitorSchema = z.strictObject({
  name: z.string(),
  type: z.literal('query alert'),
  query: z.string(),
  message: z.string(),
  tags: z.array(z.string().regex(/^[a-z]+:[\w-]+$/)),
  priority: z.int().min(1).max(5),
  options: z.strictObject({
    thresholds: z.strictObject({ critical: z.number(), warning: z.number().optional() }),
    require_full_window: z.literal(false),
    notify_no_data: z.literal(false).optional(),
    on_missing_data: z.literal('show_and_notify_no_data').optional(),
    notify_audit: z.boolean(),
    include_tags: z.boolean(),
    renotify_interval: z.int().min(0),
    evaluation_delay: z.literal(0),
    new_group_delay: z.int().min(0),
  }),
})

const metricQuery = z.strictObject({
  data_source: z.literal('metrics'),
  name: z.string().regex(/^[a-z][a-z0-9_]*$/),
  query: z.string(),
})
const formula = z.strictObject({
  formula: z.string(),
  limit: z.strictObject({ count: z.int().positive(), order: z.enum(['asc', 'desc']) }).optional(),
})
const scalarRequest = z.strictObject({
  response_format: z.literal('scalar'),
  queries: z.array(metricQuery.extend({ aggregator: z.enum(['avg', 'last', 'max', 'min', 'sum']) })),
  formulas: z.array(formula),
  conditional_formats: z
    .array(
      z.strictObject({ comparator: z.enum(['>', '>=', '<', '<=']), value: z.number(), palette: z.string() }),
    )
    .optional(),
})
const widgetSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('timeseries'),
    title: z.string(),
    show_legend: z.boolean(),
    requests: z.array(
      z.strictObject({
        display_type: z.enum(['bars', 'line', 'area']),
        response_format: z.literal('timeseries'),
        queries: z.array(metricQuery),
        formulas: z.array(formula),
      }),
    ),
    markers: z
      .array(z.strictObject({ value: z.string().regex(/^y = \d+$/), display_type: z.string() }))
      .optional(),
  }),
  z.strictObject({ type: z.literal('toplist'), title: z.string(), requests: z.tuple([scalarRequest]) }),
  z.strictObject({
    type: z.literal('query_value'),
    title: z.string(),
    autoscale: z.boolean(),
    precision: z.int(),
    requests: z.tuple([scalarRequest]),
  }),
])
/** POST /api/v1/dashboard. */
const dashboardSchema = z.strictObject({
  title: z.string(),
  description: z.string(),
  layout_type: z.enum(['ordered', 'free']),
  template_variables: z.array(z.strictObject({ name: z.string(), prefix: z.string(), default: z.string() })),
  notify_list: z.array(z.string()),
  widgets: z.array(z.strictObject({ definition: widgetSchema })),
})

const METRIC_QUERY =
  /^(?<aggregator>avg|max|min|sum|p50|p95|p99):(?<metric>[\w.]+)\{(?<filter>[^}]*)\}(?: by \{(?<by>[\w,]+)\})?(?<count>\.as_count\(\))?$/
/** Every metric carries them. */
const GLOBAL_TAGS = ['service', 'env', 'version']
/** Tags whose values are a closed list. */
const VALUES: Record<string, readonly string[]> = {
  provider: PROVIDER_NAMES,
  reason: Object.keys(REFUSALS),
  status: ['success', 'error'],
  channel: ['slack', 'email', 'push'],
}
/** Those of one metric alone. */
const VALUES_OF: Record<string, typeof VALUES> = {
  answers: { ...VALUES, status: ['2xx', '4xx', '5xx'] },
  misunderstood: {
    ...VALUES,
    reason: [
      'unknown_type',
      'missing_field',
      'unknown_price',
      'unknown_status',
    ] satisfies MisunderstandingReason[],
  },
}

/** What is wrong with a query, as far as this service can tell. */
const problemsOf = (query: string, variables: string[] = []): string[] => {
  const parts = METRIC_QUERY.exec(query)?.groups
  if (parts === undefined) return ['it is no query of one metric']
  const { aggregator = '', metric = '', filter = '', by, count } = parts
  const name = metric.startsWith(METRIC_PREFIX) ? metric.slice(METRIC_PREFIX.length) : ''
  if (!Object.hasOwn(METRICS, name)) return [`${metric} is not emitted`]
  const { type, tags } = METRICS[name as keyof typeof METRICS]
  const known = (tag: string) => GLOBAL_TAGS.includes(tag) || tags.some((other) => other === tag)
  const problems: string[] = []
  for (const part of filter.split(',')) {
    if (part.startsWith('$')) {
      if (!variables.includes(part.slice(1))) problems.push(`there is no template variable ${part}`)
      continue
    }
    const [tag = '', value = ''] = part.split(':')
    if (!known(tag)) problems.push(`${metric} has no tag ${tag}`)
    if ((VALUES_OF[name] ?? VALUES)[tag]?.includes(value) === false) problems.push(`${tag} is never ${value}`)
  }
  for (const tag of by?.split(',') ?? []) if (!known(tag)) problems.push(`${metric} has no tag ${tag}`)
  // A count is a rate in the app: without as_count() it is per second, and any aggregator but sum lies.
  if (type === 'count' && (aggregator !== 'sum' || count === undefined))
    problems.push('a count needs sum and as_count()')
  if (type !== 'count' && count !== undefined) problems.push(`as_count() does nothing to a ${type}`)
  if (type !== 'distribution' && aggregator.startsWith('p')) problems.push(`a ${type} has no percentiles`)
  return problems
}

const MONITOR_QUERY =
  /^(?<over>avg|sum|min|max|percentile)\(last_(?<window>\d+[mh])\):(?<query>.+) (?<comparator>[<>]=?) (?<threshold>[\d.]+)$/

describe.each(files)('datadog/monitors/%s', (file) => {
  const monitor = monitorSchema.parse(read(`monitors/${file}`))
  const parts = MONITOR_QUERY.exec(monitor.query)?.groups

  test('asks for what this service emits', () => {
    expect(parts).toBeDefined()
    expect(problemsOf(parts?.query ?? '')).toEqual([])
    // An average of a count never says "more than 10 in 10 minutes".
    if (monitor.query.includes('as_count()')) expect(parts?.over).toBe('sum')
  })

  test('has the threshold of its query', () => {
    expect(monitor.options.thresholds.critical).toBe(Number(parts?.threshold))
  })

  test('tells Slack, with the logs and a runbook that is there', () => {
    expect(monitor.message).toContain('@slack-engineering')
    expect(monitor.message).toMatch(/https:\/\/app\.datadoghq\.com\/logs\?query=service%3Aroleferry-webhooks/)
    const runbook = /docs\/(runbooks\/[\w-]+\.md)/.exec(monitor.message)?.[1]
    expect(runbook).toBe(`runbooks/${basename(file, '.json')}.md`)
    expect(existsSync(new URL(`../docs/${runbook}`, import.meta.url))).toBe(true)
    // Of a group alert the message says which.
    if (parts?.query?.includes(' by {channel}')) expect(monitor.message).toContain('{{channel.name}}')
    if (parts?.query?.includes(' by {provider}')) expect(monitor.message).toContain('{{provider.name}}')
  })
})

/**
 * A metric monitor whose query returns nothing does not compare it with its threshold: it shows its last state, unless it
 * says what missing data means (https://docs.datadoghq.com/monitors/guide/on_missing_data).
 */
test('a monitor that waits for silence notifies when there is no data, and no other one does', () => {
  for (const file of files) {
    const monitor = monitorSchema.parse(read(`monitors/${file}`))
    const waitsForSilence = MONITOR_QUERY.exec(monitor.query)?.groups?.comparator === '<'
    expect([file, monitor.options.on_missing_data]).toEqual([
      file,
      waitsForSilence ? 'show_and_notify_no_data' : undefined,
    ])
    if (waitsForSilence) expect(monitor.message).toContain('{{#is_no_data}}')
  }
})

describe.each(readdirSync(new URL('../datadog/slos', import.meta.url)))('datadog/slos/%s', (file) => {
  test('counts what this service emits', () => {
    const slo = z
      .strictObject({
        name: z.string(),
        type: z.literal('metric'),
        description: z.string(),
        query: z.strictObject({ numerator: z.string(), denominator: z.string() }),
        thresholds: z.array(
          z.strictObject({
            timeframe: z.enum(['7d', '30d', '90d']),
            target: z.number().max(100),
            warning: z.number().max(100).optional(),
          }),
        ),
        tags: z.array(z.string()),
      })
      .parse(read(`slos/${file}`))
    const parts = [slo.query.numerator, ...slo.query.denominator.split(' + ')]
    expect(parts.flatMap((part) => problemsOf(part))).toEqual([])
    // The good ones are among all of them.
    expect(slo.query.denominator).toContain(slo.query.numerator)
    for (const { target, warning } of slo.thresholds) expect(warning ?? 100).toBeGreaterThan(target)
  })
})

test('the monitors are the wanted ones', () => {
  const monitors = files.map((file) => monitorSchema.parse(read(`monitors/${file}`)))
  const queryOf = (name: string) => monitors.find((monitor) => monitor.name === name)?.query
  expect(queryOf('Webhook Processing Errors High')).toBe(
    'sum(last_10m):sum:roleferry.webhooks.errors{service:roleferry-webhooks}.as_count() > 10',
  )
  expect(monitors.map(({ query }) => /webhooks\.(\w+)/.exec(query)?.[1]).sort()).toEqual([
    'ack_time',
    'answers',
    'backlog_age',
    'dead',
    'errors',
    'misunderstood',
    'misunderstood',
    'notifications',
    'received',
    'received',
    'rejected',
    'skipped',
  ])
  expect(queryOf('No Webhook Event For 6 Hours')).toMatch(/^sum\(last_6h\):.* by \{provider\}/)
  expect(queryOf('Webhook Events Not Understood')).toContain('by {provider,reason}')
  expect(queryOf('Unknown Price Paid')).toContain('reason:unknown_price')
  expect(queryOf('Stripe Webhook Events Skipped')).toContain('provider:stripe')
  expect(queryOf('SendGrid Account Status Changed')).toContain('event_type:account_status_change')
})

test('the dashboard has the shape of the API and asks for what this service emits', () => {
  const dashboard = dashboardSchema.parse(read('dashboard.json'))
  const variables = dashboard.template_variables.map(({ name }) => name)
  for (const { prefix } of dashboard.template_variables) expect(GLOBAL_TAGS).toContain(prefix)
  const asked = new Set<string>()
  for (const { definition } of dashboard.widgets) {
    for (const request of definition.requests) {
      for (const { query } of request.queries) {
        expect([definition.title, query, problemsOf(query, variables)]).toEqual([definition.title, query, []])
        asked.add(query.split(/[:{]/)[1]?.slice(METRIC_PREFIX.length) ?? '')
      }
      const names = request.queries.map(({ name }) => name)
      for (const { formula } of request.formulas) expect(names).toContain(formula)
    }
  }
  // Nothing that is emitted goes unseen.
  expect([...asked].sort()).toEqual(Object.keys(METRICS).sort())
})
