import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'

const file = (name: string, type: string, path: string) => {
  const content = readFileSync(path)
  const version = createHash('sha256').update(content).digest('hex').slice(0, 12)
  return { type, content, path: `/assets/${version}/${name}` }
}
const own = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** Read once. The path changes with the content, so that a browser may keep them for good. */
const readAssets = () => ({
  style: file('console.css', 'text/css; charset=utf-8', own('console.css')),
  script: file('console.js', 'text/javascript; charset=utf-8', own('console.js')),
  icon: file('icon.svg', 'image/svg+xml', own('icon.svg')),
  htmx: file(
    'htmx.js',
    'text/javascript; charset=utf-8',
    fileURLToPath(import.meta.resolve('htmx.org/dist/htmx.min.js')),
  ),
})

/** The paths of the console's style sheet, icon and scripts. */
export type AssetPaths = Record<keyof ReturnType<typeof readAssets>, string>

/** Serves the console's files. @returns where. */
export const serveAssets = (scope: FastifyInstance): AssetPaths => {
  const assets = readAssets()
  for (const { path, type, content } of Object.values(assets)) {
    scope.get(path, (_request, reply) =>
      reply.type(type).header('cache-control', 'private, max-age=31536000, immutable').send(content),
    )
  }
  const { style, script, icon, htmx } = assets
  return {
    style: `/console${style.path}`,
    script: `/console${script.path}`,
    icon: `/console${icon.path}`,
    htmx: `/console${htmx.path}`,
  }
}
