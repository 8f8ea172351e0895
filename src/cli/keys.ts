import { Argument, Command } from 'commander'
import { readVerificationConfig } from '../config.ts'
import type { Capture } from '../inbox/provider.ts'
import { PROVIDER_NAMES, type ProviderName, providers } from '../providers/index.ts'
import { diagnose } from '../refused/diagnosis.ts'
import { readCapture, readRawCapture } from './capture.ts'
import { CommandError } from './outcome.ts'
import { printFields, printJson } from './output.ts'
import { jsonOption, readTime } from './selection.ts'

interface CheckOptions {
  headers?: string
  body?: string
  key?: string
  at?: Date
  json?: boolean
}

export const keysCommand = (): Command =>
  new Command('keys').addCommand(
    new Command('check')
      .description('check whether a captured delivery verifies, and explain why if it does not')
      .addArgument(new Argument('<provider>', 'whose delivery').choices(PROVIDER_NAMES))
      .argument('[capture]', 'a file with the whole HTTP request, its body byte for byte')
      .option('--headers <file>', 'instead of a capture: a file with the headers, one per line')
      .option('--body <file>', 'with --headers: a file with the body, byte for byte')
      .option('--key <keys>', 'use these keys, not those of the environment; separate several by commas')
      .option('--at <time>', 'when it arrived (default: its Date header, or now)', readTime)
      .addOption(jsonOption())
      .addHelpText(
        'after',
        `
Verdicts: verified (exit code 0), stale, changed_body, wrong_key, malformed (exit code 1).
Keys: ${PROVIDER_NAMES.map((name) => providers[name].keyVariable).join(', ')}.`,
      )
      .action(check),
  )

const check = async (
  provider: ProviderName,
  file: string | undefined,
  options: CheckOptions,
): Promise<void> => {
  const { keyVariable: variable, readSignature } = providers[provider]
  const config = readVerificationConfig(
    options.key === undefined
      ? process.env
      : { ...process.env, [variable]: options.key, [`${variable}_FILE`]: undefined },
  )
  const capture = readAny(file, options)
  const signature = await readSignature(capture, config)
  if ('keys' in signature && signature.keys === 0) {
    throw new CommandError(`There is no key to check with: set ${variable} or pass --key.`, 'usage')
  }
  const arrived = options.at ?? dateOf(capture) ?? new Date()
  const diagnosis = diagnose(capture, signature, arrived, config.MAX_FUTURE)
  if (options.json) printJson({ provider, ...diagnosis })
  else
    printFields([
      ['verdict', diagnosis.verdict],
      ['because', diagnosis.because],
    ])
  if (diagnosis.verdict !== 'verified') throw new CommandError('The service refuses this delivery.')
}

const readAny = (file: string | undefined, { headers, body }: CheckOptions): Capture => {
  if (file !== undefined && headers === undefined && body === undefined) return readRawCapture(file)
  if (file === undefined && headers !== undefined && body !== undefined) return readCapture(headers, body)
  throw new CommandError('Give a capture, or --headers and --body.', 'usage')
}

const dateOf = ({ headers }: Capture): Date | undefined => {
  const date = new Date(headers.date ?? Number.NaN)
  return Number.isNaN(date.getTime()) ? undefined : date
}
