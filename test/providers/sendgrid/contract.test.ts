import { describeProviderContract } from '../../provider-contract.ts'
import { bodyOf, domainRows, event, seedOutreach, sendgridEnv, signed } from './deliveries.ts'

const click = (number: number) => ({
  ...event('click'),
  sg_event_id: `contract-${number}`,
  sg_message_id: `m${number}.f`,
})
// The same number must give the same event, its time included.
const timestamp = Math.floor(Date.now() / 1_000)

describeProviderContract({
  provider: 'sendgrid',
  path: '/webhooks/sendgrid',
  env: sendgridEnv,
  keyVariable: 'SENDGRID_WEBHOOK_KEY',
  maxAge: 25 * 3_600,
  refusedStatus: 401,
  signsBody: true,
  delivery: (number, options) => signed(bodyOf([{ ...click(number), timestamp }]), options),
  unknownType: (number) => signed(bodyOf([{ ...click(number), event: `unheard-of-${number}` }])),
  malformed: () => [
    { name: 'an object', request: signed('{"event":"click"}') },
    { name: 'no JSON', request: signed('[{"event":') },
    { name: 'a number', request: signed('7') },
    { name: 'null', request: signed('null') },
    { name: 'nothing', request: signed('') },
    { name: 'a byte order mark before the array', request: signed('\ufeff[]') },
  ],
  withoutSignature: ({ headers, body }) => ({
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !name.endsWith('-signature'))),
    body,
  }),
  prepare: (service) => seedOutreach(service, 1),
  effects: domainRows,
})
