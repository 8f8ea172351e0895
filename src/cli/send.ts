import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import type { ProviderName } from '../inbox/provider.ts'
import { mailgunSamples } from '../providers/mailgun/sample.ts'
import { createMailgunSigner } from '../providers/mailgun/sign.ts'
import type { SampleSubject, Samples } from '../providers/sample.ts'
import { sendgridSamples } from '../providers/sendgrid/sample.ts'
import { createSendgridSigner } from '../providers/sendgrid/sign.ts'
import type { SignedRequest } from '../providers/signed-request.ts'
import { stripeSamples } from '../providers/stripe/sample.ts'
import { createStripeSigner } from '../providers/stripe/sign.ts'
import { readDevelopment } from './development.ts'
import { CommandError } from './outcome.ts'
import { plain, printJson, printTable } from './output.ts'
import { jsonOption, readCount } from './selection.ts'

interface Sender {
  path: string
  /** Where the key comes from when no option names it. */
  variable: string
  samples: (key?: string) => Samples
}

/** SendGrid signs with a private key, which the service never holds: its variable is this command's alone. */
const SENDERS: Record<ProviderName, Sender> = {
  sendgrid: {
    path: '/webhooks/sendgrid',
    variable: 'SENDGRID_PRIVATE_KEY',
    samples: (key) => sendgridSamples(createSendgridSigner(key)),
  },
  stripe: {
    path: '/webhooks/stripe',
    variable: 'STRIPE_WEBHOOK_SECRET',
    samples: (key) => stripeSamples(createStripeSigner(key)),
  },
  mailgun: {
    path: '/webhooks/mailgun-inbound',
    variable: 'MAILGUN_WEBHOOK_SIGNING_KEY',
    samples: (key) => mailgunSamples(createMailgunSigner(key)),
  },
}
const PROVIDERS = Object.keys(SENDERS) as ProviderName[]
const eventsOf = (provider: ProviderName) => Object.keys(SENDERS[provider].samples())

const ANSWER_WITHIN = 10_000

interface SendOptions extends SampleSubject {
  url?: string
  key?: string
  count: number
  duplicate?: boolean
  tamper?: boolean
  json?: boolean
}

const readOutreach = (text: string): string => {
  if (!/^[1-9]\d{0,18}$/.test(text)) throw new InvalidArgumentError('Expected the id of an outreach.')
  return text
}

export const sendCommand = (): Command =>
  new Command('send')
    .description('send a made-up, signed delivery to a running service')
    .addArgument(new Argument('<provider>', 'whose').choices(PROVIDERS))
    .argument('<event>', 'which: see below')
    .option('--outreach <id>', 'the outreach it is about', readOutreach, '1')
    .option('--customer <id>', 'the Stripe customer it is about', 'cus_Sam')
    .option('--mailbox <address>', 'the mailbox the outreach was sent from', 'sam@rf-send-01.com')
    .option('--contact <address>', 'the address it went to', 'ana@acme.example')
    .addOption(new Option('--price <id>', 'the Stripe price').env('STRIPE_PRICE_PRO'))
    .option('--count <number>', 'so many, each another event', readCount, 1)
    .option('--duplicate', 'send each twice')
    .option('--tamper', 'change it after it is signed: it must be refused')
    .option('--url <url>', 'of the service; else that of `npm run dev`')
    .option('--key <key>', 'to sign with; else from the environment, else that of `npm run dev`')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Events:
${PROVIDERS.map((provider) => `  ${provider.padEnd(9)} ${eventsOf(provider).join(', ')}`).join('\n')}
Keys: ${PROVIDERS.map((provider) => SENDERS[provider].variable).join(', ')}.
SendGrid's is the private half, base64 of PKCS#8, of a pair of your own: SendGrid keeps its own to itself.`,
    )
    .action(send)

const send = async (provider: ProviderName, event: string, options: SendOptions): Promise<void> => {
  const sender = SENDERS[provider]
  if (!eventsOf(provider).includes(event)) {
    throw new CommandError(
      plain(`There is no sample "${event}" of ${provider}. There are: ${eventsOf(provider).join(', ')}`),
      'usage',
    )
  }
  const development = readDevelopment()
  const key = options.key ?? process.env[sender.variable]?.split(',')[0]?.trim() ?? development?.[provider]
  if (!key)
    throw new CommandError(
      `What to sign with? Say --key, set ${sender.variable}, or run npm run dev.`,
      'usage',
    )
  const url = options.url ?? (development && `http://127.0.0.1:${development.port}`)
  if (url === undefined) throw new CommandError('Where to? Say --url, or run npm run dev.', 'usage')
  if (!URL.canParse(url)) throw new CommandError('--url: expected a URL like http://127.0.0.1:3000', 'usage')

  const samples = samplesOf(sender, key)
  const about = { ...options, price: options.price ?? development?.prices?.pro ?? 'price_pro' }
  const answers: Answer[] = []
  for (let n = 0; n < options.count; n++) {
    const sample = samples[event]?.(about, new Date())
    for (let times = options.duplicate ? 2 : 1; sample && times > 0; times--) {
      const request = sample.sign(new Date())
      answers.push(
        await post(new URL(sender.path, url), options.tamper ? tampered(provider, request) : request),
      )
    }
  }
  if (options.json) printJson(answers)
  else
    printTable(
      ['status', 'answer'],
      answers.map(({ status, body }) => [status, body]),
    )
  const refused = answers.filter(({ status }) => status !== 200).length
  if (refused > 0) throw new CommandError(`${refused} of ${answers.length} deliveries were refused.`)
}

const samplesOf = ({ samples, variable }: Sender, key: string): Samples => {
  try {
    return samples(key)
  } catch {
    throw new CommandError(`${variable} or --key: this is no key to sign with (--help says which)`, 'usage')
  }
}

interface Answer {
  status: number
  body: string
}

const post = async (url: URL, { headers, body }: SignedRequest): Promise<Answer> => {
  const signal = AbortSignal.timeout(ANSWER_WITHIN)
  try {
    const response = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body), signal })
    return { status: response.status, body: await response.text() }
  } catch (error) {
    const reason =
      error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
    throw new CommandError(`Nobody answers at ${url.href} (${reason}). Is the service running?`)
  }
}

/** Changes what is signed: a byte of the body, or where the body is not signed (Mailgun) the token. */
const tampered = (provider: ProviderName, { headers, body }: SignedRequest): SignedRequest => {
  const text = body.toString('latin1')
  const changed =
    provider === 'mailgun'
      ? text.replace(/(?<=(?:^|&)token=)./, (first) => (first === '0' ? '1' : '0'))
      : text.replace(/(?<=":\s*")./, (first) => (first === 'x' ? 'y' : 'x'))
  return { headers, body: Buffer.from(changed, 'latin1') }
}
