import type { RowOfEvent } from '../../changes/watched.ts'
import { lockContacts } from '../../domain/locks.ts'
import { optOut } from '../../domain/opt-out.ts'
import type { Batch, ClaimedEvent } from '../../inbox/provider.ts'
import { firstAddress } from '../../mail/addresses.ts'
import { fromPayload, type Mail } from '../../mail/mail.ts'
import type { Match } from '../../mail/match/match.ts'
import { type DecideOptions, decide } from './decide.ts'
import { keepMessage } from './keep-message.ts'
import { contactsWhoStop } from './opt-outs.ts'
import { reply } from './reply.ts'

/** `inbound`: a mail came back. Every one is kept; only a person's reply and a request to stop change anything. */
export const inbound = async (claimed: ClaimedEvent, batch: Batch, options: DecideOptions): Promise<void> => {
  const mail = fromPayload(claimed.payload)
  if (isBetweenNobody(mail)) {
    const text = 'a mail has neither a sender nor a recipient: has the form that Mailgun posts changed?'
    batch.misunderstood(claimed, { reason: 'missing_field', cause: 'sender, recipient', text })
    return batch.skip(claimed, 'the mail has neither a sender nor a recipient')
  }
  const decision = await decide(claimed, mail, batch, options)
  if (decision === 'wait') return batch.wait(claimed, 'the thread is not known')
  const { kind, match } = decision
  const stopped = await contactsWhoStop(mail, decision, batch)
  const contacts = [...stopped, ...(match?.contactId ? [match.contactId] : [])]
  // What follows is one row of each table: its update locks it, in the order that holds everywhere.
  await lockContacts(batch.tx, contacts)
  await batch.about?.([
    ...contacts.map((id) => ({ event: claimed, kind: 'contacts' as const, id })),
    ...(kind === 'reply' && match !== undefined ? rowsOf(claimed, match) : []),
  ])
  if (kind === 'reply' && match !== undefined) await reply(claimed, mail, match, batch)
  await optOut(batch, stopped, 'unsubscribed')
  await keepMessage(claimed, mail, decision, batch)
}

const rowsOf = (event: ClaimedEvent, { outreachId, applicationId }: Match): RowOfEvent[] => [
  { event, kind: 'outreach', id: outreachId },
  ...(applicationId === null ? [] : [{ event, kind: 'applications' as const, id: applicationId }]),
]

const isBetweenNobody = ({ sender, recipient }: Mail): boolean =>
  firstAddress(sender) === undefined && firstAddress(recipient) === undefined
