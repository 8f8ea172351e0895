import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttp, type RequestListener, type Server } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import webpush from 'web-push'
import { startMailServer } from '../harness/mail-server.ts'

/** The state of Slack, the mail server and the push service: working, down, too slow for their callers, or refusing. */
export type Mood = 'well' | 'down' | 'slow' | 'busy' | 'broken'

/** Something that one of them received, whether or not the sender got the answer. */
export interface Arrival {
  at: number
  mood: Mood
  /** The path of a request; the recipient of a mail. */
  to: string
  /** The body of a request; the subject of a mail. */
  content: Buffer
}

/** Local servers that notifications are sent to. */
export interface Outside {
  /** The settings with which the service uses these servers. */
  env: Record<string, string>
  /** Of the push service; a subscription's endpoint begins with it. */
  pushUrl: string
  arrivals: () => { slack: Arrival[]; email: Arrival[]; push: Arrival[] }
  become: (mood: Mood) => Promise<void>
  stop: () => Promise<void>
}

/** Milliseconds: every channel has given up by then. */
const TOO_SLOW = 12_000
/** Milliseconds that an ordinary answer takes, in which the sender can be killed. */
const MOMENT = 150
const REFUSALS = { busy: { http: 429, smtp: 421 }, broken: { http: 500, smtp: 451 } } as const

const fixture = (name: string) => fileURLToPath(new URL(`../test/fixtures/push/${name}`, import.meta.url))

/** Starts a local Slack, mail server and push service, well at first. */
export const startOutside = async (): Promise<Outside> => {
  const moods: { since: number; mood: Mood }[] = [{ since: 0, mood: 'well' }]
  const moodAt = (at: number): Mood => moods.findLast(({ since }) => since <= at)?.mood ?? 'well'
  const mood = () => moodAt(Date.now())
  const refusal = (kind: 'http' | 'smtp'): number | undefined => {
    const now = mood()
    return now === 'busy' || now === 'broken' ? REFUSALS[now][kind] : undefined
  }

  const listener =
    (arrivals: Arrival[], status: number, answer: string): RequestListener =>
    async (request, response) => {
      try {
        const content = await buffer(request)
        const refused = refusal('http')
        if (refused === undefined) {
          arrivals.push({ at: Date.now(), mood: mood(), to: request.url ?? '', content })
          await sleep(mood() === 'slow' ? TOO_SLOW : MOMENT)
        }
        response
          .writeHead(refused ?? status, { 'content-type': 'application/json', 'retry-after': '1' })
          .end(refused === undefined ? answer : '')
      } catch {
        response.destroy() // the sender is gone
      }
    }
  const slackArrivals: Arrival[] = []
  const pushArrivals: Arrival[] = []
  const slack = createHttp(listener(slackArrivals, 200, '{"ok":true}'))
  const push = createHttps(
    { key: readFileSync(fixture('localhost.key')), cert: readFileSync(fixture('localhost.crt')) },
    listener(pushArrivals, 201, ''),
  )
  const [slackPort, pushPort] = await Promise.all([listen(slack), listen(push)])

  const refuse = async (stage: string) => {
    if (stage !== 'DATA') return undefined
    const refused = refusal('smtp')
    if (refused === undefined) await sleep(mood() === 'slow' ? TOO_SLOW : MOMENT)
    return refused
  }
  let mail = await startMailServer({ refuse })
  const mailServers = [mail]
  const vapid = webpush.generateVAPIDKeys()

  return {
    env: {
      SLACK_BOT_TOKEN: 'xoxb-chaos',
      SLACK_API_URL: `http://127.0.0.1:${slackPort}/api/`,
      SMTP_URL: mail.url,
      VAPID_PUBLIC_KEY: vapid.publicKey,
      VAPID_PRIVATE_KEY: vapid.privateKey,
      NODE_EXTRA_CA_CERTS: fixture('localhost.crt'),
    },
    pushUrl: `https://localhost:${pushPort}/`,
    arrivals: () => ({
      slack: slackArrivals,
      push: pushArrivals,
      email: mailServers
        .flatMap(({ received }) => received)
        .map(({ arrivedAt, recipients, subject = '' }) => ({
          at: arrivedAt.getTime(),
          mood: moodAt(arrivedAt.getTime()),
          to: recipients.join(),
          content: Buffer.from(subject),
        })),
    }),
    become: async (next) => {
      const before = mood()
      moods.push({ since: Date.now(), mood: next })
      if (next === 'down') {
        await Promise.all([close(slack), close(push), mail.stop()])
      } else if (before === 'down') {
        await Promise.all([listen(slack, slackPort), listen(push, pushPort)])
        mail = await startMailServer({ port: mail.port, refuse })
        mailServers.push(mail)
      }
    },
    stop: async () => {
      await Promise.all([close(slack), close(push), mail.stop()])
    },
  }
}

/** @returns the port. */
const listen = async (server: Server, port = 0): Promise<number> => {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
