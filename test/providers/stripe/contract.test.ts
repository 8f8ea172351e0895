import { describeProviderContract } from '../../provider-contract.ts'
import { domainRows, seedUser, signed, stripeEnv } from './deliveries.ts'
import { eventsOf } from './events.ts'

const { subscription, invoice } = eventsOf(1)
/** A renewal of its own for each number: its credits show as a row of the ledger. */
const renewal = (number: number) =>
  invoice('paid', { eventId: `evt_contract_${number}`, id: `in_${number}`, period: 1_793_491_200 + number })
const thin = {
  id: 'evt_thin',
  object: 'v2.core.event',
  type: 'v1.invoice.paid',
  related_object: { id: 'in_1', type: 'invoice' },
}

describeProviderContract({
  provider: 'stripe',
  path: '/webhooks/stripe',
  env: stripeEnv,
  keyVariable: 'STRIPE_WEBHOOK_SECRET',
  maxAge: 300,
  refusedStatus: 400,
  signsBody: true,
  delivery: (number, options) => signed(JSON.stringify(renewal(number)), options),
  unknownType: (number) =>
    signed(
      JSON.stringify({ ...subscription('created'), id: `evt_new_${number}`, type: `unheard.of.${number}` }),
    ),
  malformed: () => [
    { name: 'an array', request: signed('[]') },
    { name: 'no JSON', request: signed('{"id":') },
    { name: 'a number', request: signed('7') },
    { name: 'null', request: signed('null') },
    { name: 'a string', request: signed('"evt_1"') },
    { name: 'an object that is no event', request: signed('{"id":"sub_1","object":"subscription"}') },
    { name: 'a thin event', request: signed(JSON.stringify(thin)) },
    { name: 'a million arrays', request: signed('['.repeat(1_000_000)) },
  ],
  withoutSignature: ({ headers, body }) => ({
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'stripe-signature')),
    body,
  }),
  prepare: (service) => seedUser(service, 1),
  effects: domainRows,
})
