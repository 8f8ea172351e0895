/** Times that a path is decoded: a proxy may have done so once, and another behind it, too. */
const MOST_DECODINGS = 3

/** Where no route is. */
const NOWHERE = '/.'

/**
 * A request's target as it is routed. One with dot segments leads nowhere: a proxy that resolves them compares its rules
 * with another path than the one that is routed here, so `/console/../webhooks/x` would pass as a webhook and be answered
 * by the console.
 */
export const routable = (target: string): string => {
  let path = target.split('?', 1)[0] ?? ''
  for (let decodings = 0; ; decodings++) {
    if (hasDotSegment(path)) return NOWHERE
    if (!path.includes('%')) return target
    // Still encoded: no client of a webhook or of the console does that.
    if (decodings === MOST_DECODINGS) return NOWHERE
    const decoded = path.replace(/%(2e|2f|5c|25)/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    if (decoded === path) return target
    path = decoded
  }
}

const hasDotSegment = (path: string): boolean => /(?:^|[/\\])\.\.?(?:[/\\;#]|$)/.test(path)
