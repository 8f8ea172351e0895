import { readFileSync } from 'node:fs'
import { Deployment } from 'kubernetes-models/apps/v1'
import { Job } from 'kubernetes-models/batch/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { ConfigMap, Service } from 'kubernetes-models/v1'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'

// The manifests, by the schema of Kubernetes's own API and by what the service needs of them. No cluster.

const MODELS = { ConfigMap, Deployment, Job, PodDisruptionBudget, Service }
type Kind = keyof typeof MODELS
const manifests = parseAllDocuments(readFileSync('deploy/kubernetes.yaml', 'utf8')).map((one) => {
  expect(one.errors).toEqual([])
  return one.toJS() as { kind: Kind; metadata: { name: string }; [field: string]: unknown }
})
const validate = (manifest: (typeof manifests)[number]) => {
  const Model = MODELS[manifest.kind] as new (data: object) => { validate: () => void }
  new Model(manifest).validate()
}
const deployment = structuredClone(
  manifests.find(({ kind }) => kind === 'Deployment'),
) as unknown as Deployment
const pod = deployment.spec?.template.spec
const container = pod?.containers[0]

test.each(manifests.map((manifest) => [manifest.kind, manifest]))('the %s is valid', (_kind, manifest) => {
  validate(manifest)
  expect(() => validate({ ...manifest, spec: 1, data: 1 })).toThrow()
})

test('there is one of each kind', () => {
  expect(manifests.map(({ kind }) => kind).sort()).toEqual(Object.keys(MODELS).sort())
})

describe('the deployment', () => {
  test('asks /healthz whether to restart, and /readyz whether to send deliveries', () => {
    expect(container?.livenessProbe?.httpGet?.path).toBe('/healthz')
    expect(container?.startupProbe?.httpGet?.path).toBe('/healthz')
    expect(container?.readinessProbe?.httpGet?.path).toBe('/readyz')
  })

  test('leaves time for the pause before SIGTERM and for the eight seconds of stopping', () => {
    const pause = container?.lifecycle?.preStop?.sleep?.seconds ?? 0
    expect(pause).toBeGreaterThan(0)
    expect(pod?.terminationGracePeriodSeconds).toBeGreaterThan(pause + 8)
  })

  test('keeps at least two replicas while one is away', () => {
    const budget = manifests.find(
      ({ kind }) => kind === 'PodDisruptionBudget',
    ) as unknown as PodDisruptionBudget
    const labels = deployment.spec?.template.metadata?.labels
    expect(budget.spec?.selector?.matchLabels).toEqual(labels)
    expect(deployment.spec?.selector.matchLabels).toEqual(labels)
    expect(budget.spec?.minAvailable).toBe((deployment.spec?.replicas ?? 0) - 1)
  })
})
