import {
  createMailgunSigner,
  type FormFields,
  type FormFile,
  mailFields,
  multipart,
  urlencoded,
} from '../../../src/simulators/mailgun/sign.ts'
import { post, type SignOptions } from '../../provider-contract.ts'
import { type Service, startService } from '../../service.ts'

export const PATH = '/webhooks/mailgun-inbound'

const signers = {
  first: createMailgunSigner(),
  second: createMailgunSigner(),
  wrong: createMailgunSigner(),
}

/** The environment of a service that takes what `signature` signs, and the fixtures. */
export const mailgunEnv = {
  MAILGUN_WEBHOOK_SIGNING_KEY: `${signers.first.key},${signers.second.key},TEST_WEBHOOK_SIGNING_KEY`,
}

/** The three fields that sign a delivery. */
export const signature = ({ key = 'first', age = 0 }: SignOptions = {}, token?: string): FormFields =>
  signers[key].sign({
    at: new Date(Date.now() - age * 1_000),
    ...(token === undefined ? {} : { token }),
  })

export interface MailOptions {
  recipient?: string
  sender?: string
  text?: string
  strippedText?: string
  /** Instead of the usual ones, by name; `undefined` leaves one out. */
  headers?: Record<string, string | undefined>
}

let serial = 0
/** A mail of a person as Mailgun posts it, unlike any other; not signed yet. */
export const mail = ({
  recipient = 'box1@rf-send-01.com',
  sender = 'contact1@example.com',
  text = 'Tuesday works for me.',
  strippedText = text,
  headers = {},
}: MailOptions = {}): FormFields => {
  serial++
  const all: Record<string, string | undefined> = {
    'X-Mailgun-Incoming': 'Yes',
    From: `Contact <${sender}>`,
    Date: 'Sun, 1 Nov 2026 12:00:00 +0000',
    'Message-Id': `<mail-${serial}-${process.pid}@example.com>`,
    Subject: 'Re: Quick question',
    To: recipient,
    ...headers,
  }
  return mailFields({
    recipient,
    sender,
    text,
    strippedText,
    headers: Object.entries(all).filter((header): header is [string, string] => header[1] !== undefined),
  })
}

/** Posts a form, signed by the service's clock. */
export const deliver = (service: Service, fields: FormFields, files?: FormFile[]) => {
  const age = Math.round((Date.now() - service.now().getTime()) / 1_000)
  const signed = [...fields, ...signature({ age })]
  return post(service, PATH, files === undefined ? urlencoded(signed) : multipart(signed, files))
}

/** Posts a form and waits until its mail is processed. */
export const deliverAndSettle = async (service: Service, fields: FormFields, files?: FormFile[]) => {
  const answer = await deliver(service, fields, files)
  await service.settled()
  return answer
}

export const startMailgun = (env: Record<string, string> = {}): Promise<Service> =>
  startService({ env: { ...mailgunEnv, ...env } })

export const lastMail = async (service: Service) =>
  (await service.rows('select * from inbound_messages order by id desc limit 1'))[0]

export const lastEvent = async (service: Service) =>
  (await service.rows('select * from webhook_events order by id desc limit 1'))[0]
