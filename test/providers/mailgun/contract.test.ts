import { multipart, urlencoded } from '../../../src/simulators/mailgun/sign.ts'
import { describeProviderContract, type SignOptions } from '../../provider-contract.ts'
import { domainRows, seedOutreach } from '../sendgrid/deliveries.ts'
import { mail, mailgunEnv, PATH, signature } from './deliveries.ts'

const fields = (number: number, options?: SignOptions) => [
  ...mail({ headers: { 'Message-Id': `<contract-${number}@example.com>` } }),
  // A retry carries the token of the first try.
  ...signature(options, `token-${number}`),
]

for (const [form, encode] of [
  ['urlencoded', urlencoded],
  ['multipart', multipart],
] as const) {
  describeProviderContract({
    name: form,
    provider: 'mailgun',
    path: PATH,
    env: mailgunEnv,
    keyVariable: 'MAILGUN_WEBHOOK_SIGNING_KEY',
    maxAge: 9 * 3_600,
    refusedStatus: 401,
    signsBody: false,
    delivery: (number, options) => encode(fields(number, options)),
    malformed: () => [
      { name: 'raw MIME', request: encode([...fields(1), ['body-mime', 'From: a@b\r\n\r\nHello']]) },
      { name: 'no mail', request: encode(signature()) },
      {
        name: 'multipart without a boundary',
        request: { ...multipart(fields(2)), headers: { 'content-type': 'multipart/form-data' } },
      },
      {
        name: 'multipart without its end',
        request: ((whole) => ({ ...whole, body: whole.body.subarray(0, -30) }))(multipart(fields(3))),
      },
    ],
    withoutSignature: () => encode(mail()),
    prepare: (service) => seedOutreach(service, 1),
    effects: async (service) => ({
      ...(await domainRows(service)),
      mails: await service.rows('select message_id, outreach_id, kind from inbound_messages order by id'),
    }),
  })
}
