import { createHash } from 'node:crypto'
import { sql } from 'drizzle-orm'
import type { PgBoss } from 'pg-boss'
import webpush from 'web-push'
import { pushSubscriptions as s } from '../db/schema.ts'
import { toStatement } from '../db/statement.ts'
import { publicPost } from './public-post.ts'
import { insertDeliveries, type PushDelivery } from './queues.ts'
import { PermanentError, type Send, type SenderOptions } from './send.ts'

/** Seconds for which a push service keeps a message for a phone that is off. */
const TTL = 86_400

interface PushOptions extends SenderOptions {
  boss: PgBoss
}

/**
 * Web Push (RFC 8030, 8291, 8292). A notification becomes one job per subscription of its user, so that trying one
 * of them again does not push to the others again.
 */
export const createPush = ({ config, pool, boss, log, pushToThisMachine }: PushOptions) => {
  const { VAPID_PUBLIC_KEY: publicKey, VAPID_PRIVATE_KEY: privateKey, VAPID_SUBJECT: subject } = config
  const vapidDetails = publicKey && privateKey ? { subject, publicKey, privateKey } : undefined

  const spread: Send<'push'> = async ({ userId, title, body, url, outreachId }, _signal, { key, event }) => {
    if (vapidDetails === undefined) return 'not_configured'
    const { rows } = await pool.query(
      toStatement(sql`select ${s.id} from ${s} where ${s.userId} = ${userId} order by ${s.id}`),
    )
    const message = JSON.stringify({ title, body, url, outreach_id: outreachId ?? null })
    await insertDeliveries(
      boss,
      rows.map(({ id }) => ({ key: `${key}:${id}`, event, data: { subscriptionId: id, message } })),
    )
    return 'passed_on'
  }

  const deliver = async (
    { subscriptionId, message }: PushDelivery,
    signal: AbortSignal,
    { key }: { key: string },
  ): Promise<'sent' | 'not_configured'> => {
    if (vapidDetails === undefined) return 'not_configured'
    const { rows } = await pool.query(
      toStatement(
        sql`select ${s.endpoint}, ${s.p256dh}, ${s.auth} from ${s} where ${s.id} = ${subscriptionId}`,
      ),
    )
    const [subscription] = rows
    if (subscription === undefined) return 'sent' // the subscription was deleted meanwhile
    const forget = async (reason: string) => {
      await pool.query(
        toStatement(
          sql`delete from ${s} where ${s.id} = ${subscriptionId} and ${s.endpoint} is not distinct from ${subscription.endpoint}`,
        ),
      )
      log.info({ subscriptionId, reason }, 'push subscription deleted')
      return 'sent' as const
    }

    const request = encrypt(subscription, message, key)
    if (request === undefined) return await forget('its URL or keys are not usable')
    const status = await publicPost(request.url, { ...request, signal, thisMachine: pushToThisMachine })
    if (status === 404 || status === 410) return await forget(`the push service answered ${status}`)
    if (status >= 200 && status < 300) return 'sent'
    const error = `the push service answered ${status}`
    // 429, 408 and 5xx pass. Any other refusal would be repeated.
    if (status < 500 && ![408, 425, 429].includes(status)) throw new PermanentError(error)
    throw new Error(error)
  }

  /** Undefined when the browser's subscription has keys or a URL that cannot be used. */
  const encrypt = (
    { endpoint, p256dh, auth }: { endpoint: string; p256dh: string; auth: string },
    message: string,
    key: string,
  ) => {
    try {
      const { headers, body } = webpush.generateRequestDetails(
        { endpoint, keys: { p256dh, auth } },
        message,
        {
          ...(vapidDetails === undefined ? {} : { vapidDetails }),
          TTL,
          // A push that is sent twice replaces itself while the phone is off.
          topic: createHash('sha256').update(key).digest('base64url').slice(0, 32),
        },
      )
      return { url: new URL(endpoint), headers: headers as Record<string, string>, body: body as Buffer }
    } catch {
      return undefined
    }
  }

  return { spread, deliver }
}
