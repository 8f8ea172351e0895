import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { PROVIDER_NAMES, type ProviderName, providers } from '../providers/index.ts'
import type { SampleSubject, Samples } from '../simulators/sample.ts'
import type { SignedRequest } from '../simulators/signed-request.ts'
import type { Simulator } from '../simulators/simulator.ts'
import { readDevelopment } from './development.ts'
import { CommandError } from './outcome.ts'
import { plain, printJson, printTable } from './output.ts'
import { jsonOption, readCount } from './selection.ts'

const simulators = Object.fromEntries(
  await Promise.all(PROVIDER_NAMES.map(async (name) => [name, await providers[name].simulator()] as const)),
) as Record<ProviderName, Simulator>

const eventsOf = (provider: ProviderName) => Object.keys(simulators[provider].play().samples)

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
    .addArgument(new Argument('<provider>', 'the provider to imitate').choices(PROVIDER_NAMES))
    .argument('<event>', 'one of the sample events below')
    .option('--outreach <id>', 'the outreach it is about', readOutreach, '1')
    .option('--customer <id>', 'the Stripe customer it is about', 'cus_Sam')
    .option('--mailbox <address>', 'the mailbox the outreach was sent from', 'sam@rf-send-01.com')
    .option('--contact <address>', 'the address it went to', 'ana@acme.example')
    .addOption(new Option('--price <id>', 'the Stripe price').env('STRIPE_PRICE_PRO'))
    .option('--count <number>', 'how many; each is a different event', readCount, 1)
    .option('--duplicate', 'send each twice')
    .option('--tamper', 'change it after it is signed: it must be refused')
    .option('--url <url>', 'of the service; else that of `npm run dev`')
    .option('--key <key>', 'to sign with; else from the environment, else that of `npm run dev`')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Events:
${PROVIDER_NAMES.map((provider) => `  ${provider.padEnd(9)} ${eventsOf(provider).join(', ')}`).join('\n')}
Keys: ${PROVIDER_NAMES.map((provider) => simulators[provider].signingKeyVariable).join(', ')}.
SendGrid's is the private half, base64 of PKCS#8, of a pair of your own: SendGrid keeps its own to itself.`,
    )
    .action(send)

const send = async (provider: ProviderName, event: string, options: SendOptions): Promise<void> => {
  const simulator = simulators[provider]
  const variable = simulator.signingKeyVariable
  if (!eventsOf(provider).includes(event)) {
    throw new CommandError(
      plain(`There is no sample "${event}" of ${provider}. There are: ${eventsOf(provider).join(', ')}`),
      'usage',
    )
  }
  const development = readDevelopment()
  const key = options.key ?? process.env[variable]?.split(',')[0]?.trim() ?? development?.keys[provider]
  if (!key)
    throw new CommandError(
      `There is no key to sign with: pass --key, set ${variable}, or start npm run dev.`,
      'usage',
    )
  const url = options.url ?? (development && `http://127.0.0.1:${development.port}`)
  if (url === undefined)
    throw new CommandError('There is no service to send to: pass --url, or start npm run dev.', 'usage')
  if (!URL.canParse(url)) throw new CommandError('--url: expected a URL like http://127.0.0.1:3000', 'usage')

  const samples = samplesOf(simulator, key)
  const about = { ...options, price: options.price?.split(',')[0]?.trim() || 'price_pro' }
  const answers: Answer[] = []
  for (let n = 0; n < options.count; n++) {
    const sample = samples[event]?.(about, new Date())
    for (let times = options.duplicate ? 2 : 1; sample && times > 0; times--) {
      const request = sample.sign(new Date())
      answers.push(
        await post(
          new URL(providers[provider].path, url),
          options.tamper ? tampered(simulator, request) : request,
        ),
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

const samplesOf = ({ play, signingKeyVariable }: Simulator, key: string): Samples => {
  try {
    return play(key).samples
  } catch {
    throw new CommandError(
      `${signingKeyVariable} or --key: cannot sign with this key (--help names the kind that is needed)`,
      'usage',
    )
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

const inItsJson = (body: string) => body.replace(/(?<=":\s*")./, (first) => (first === 'x' ? 'y' : 'x'))

const tampered = ({ tamper = inItsJson }: Simulator, { headers, body }: SignedRequest): SignedRequest => ({
  headers,
  body: Buffer.from(tamper(body.toString('latin1')), 'latin1'),
})
