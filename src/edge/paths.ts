/** How often a path is decoded: each proxy in front may have decoded it once. */
const MAX_DECODINGS = 3

/** A path that no route has. */
const NOWHERE = '/.'

/**
 * A request's target as it is routed. A path with dot segments is refused: a proxy that resolves them would apply its
 * rules to a different path from the one routed here. `/console/../webhooks/x` would pass the proxy as a webhook and
 * reach the console.
 */
export const routable = (target: string): string => {
  let path = target.split('?', 1)[0] ?? ''
  for (let decodings = 0; ; decodings++) {
    if (hasDotSegment(path)) return NOWHERE
    if (!path.includes('%')) return target
    // Still encoded after that: neither a provider nor a browser sends such a path.
    if (decodings === MAX_DECODINGS) return NOWHERE
    const decoded = path.replace(/%(2e|2f|5c|25)/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    if (decoded === path) return target
    path = decoded
  }
}

const hasDotSegment = (path: string): boolean => /(?:^|[/\\])\.\.?(?:[/\\;#]|$)/.test(path)
