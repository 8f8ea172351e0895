import type { IncomingHttpHeaders } from 'node:http'

/** What explains a delivery later: its form, its sender's program, its signature and time, its trace. */
const KEPT = /^(content-(type|length)|user-agent|x-request-id|traceparent|.*(signature|timestamp))$/
/** Characters of one header. */
const MAX_LENGTH = 1_000

/** The headers of a delivery that are worth keeping, as JSON. None that identifies a session is among them. */
export const keptHeaders = (headers: IncomingHttpHeaders): string =>
  JSON.stringify(
    Object.fromEntries(
      Object.entries(headers).flatMap(([name, value]) =>
        value !== undefined && KEPT.test(name) ? [[name, String(value).slice(0, MAX_LENGTH)]] : [],
      ),
    ),
  )
