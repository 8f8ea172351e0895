import {
  type FormFields,
  type MailgunSigner,
  mailFields,
  multipart,
  urlencoded,
} from '../../src/simulators/mailgun/sign.ts'
import type { SignedRequest } from '../../src/simulators/signed-request.ts'
import type { Step } from './step.ts'

const SAM = 'sam@rf-send-01.com'
const KIM = 'kim@rf-send-01.com'
const ONE = '200 ok, 1 accepted, 0 duplicates'

interface MailOptions {
  from: string
  to: string
  subject?: string
  text?: string
  /** The outreach it answers, as its headers say. */
  answers?: number
  headers?: [name: string, value: string][]
  /** The envelope's sender, where it is not `from`. */
  sender?: string
}

/** Mail comes back to the mailboxes of Sam and Kim, after SendGrid's story. */
export const mailgunStory = (signer: MailgunSigner, now: Date): Step[] => {
  let serial = 0
  const mail = ({
    from,
    to,
    subject = 'Re: Quick question',
    text = 'Tuesday works for me.',
    answers,
    headers = [],
    sender = from,
  }: MailOptions): FormFields => {
    serial++
    const thread = `<outreach_${answers}@rf-send-01.com>`
    return mailFields({
      recipient: to,
      sender,
      text,
      headers: [
        ['From', from],
        ['To', to],
        ['Subject', subject],
        ['Date', now.toUTCString()],
        ['Message-Id', `<demo-${serial}@mail.example>`],
        ...(answers === undefined ? [] : ([['In-Reply-To', thread]] satisfies FormFields)),
        ...headers,
      ],
    })
  }
  const signature = () => signer.sign({ at: now })
  const step = (title: string, request: SignedRequest, answer: string, ...changes: string[]): Step => ({
    title,
    path: '/webhooks/mailgun-inbound',
    request,
    answer,
    changes,
  })
  const post = (options: MailOptions) => urlencoded([...mail(options), ...signature()])

  const at = new Date(Math.floor(now.getTime() / 1_000) * 1_000).toISOString().replace('.000Z', '+00:00')
  const replied = `replied_at null -> ${at}`
  const cancelled = (outreach: number, reason: string) =>
    `step 1 of outreach ${outreach}: status scheduled -> cancelled, cancelled_reason null -> ${reason}`
  const moved = (application: number) =>
    `application ${application}: status applied -> interviewing, reply_status null -> replied`

  const signed = signature()
  const ana = { from: 'ana@acme.example', to: SAM }
  const reply = urlencoded([...mail({ ...ana, answers: 1 }), ...signed])
  return [
    step(
      'an out-of-office: the sequence goes on',
      post({
        ...ana,
        answers: 1,
        subject: 'Automatic reply: Quick question',
        headers: [['Auto-Submitted', 'auto-replied']],
        sender: '',
      }),
      ONE,
      '+ mail 1: kind auto_reply, subject Automatic reply: Quick question, from_email ana@acme.example, attachments []',
    ),
    step(
      'a reply in the thread',
      reply,
      ONE,
      '+ mail 2: kind reply, subject Re: Quick question, from_email ana@acme.example, matched_by thread, attachments [], outreach_id 1',
      `outreach 1: status delivered -> replied, ${replied}`,
      cancelled(1, 'replied'),
      moved(1),
      '+ push: Reply received!: Ana at Acme replied',
    ),
    step('the same mail again', reply, '200 duplicate'),
    step(
      'its signature, stolen for another mail',
      urlencoded([...mail({ from: 'mallory@evil.example', to: KIM }), ...signed]),
      '401 WEBHOOK_REPLAYED: This signature was used for another message',
    ),
    step(
      'Ana writes again, not in the thread: found by her address, no second push',
      post({ ...ana, subject: 'One more thing' }),
      ONE,
      '+ mail 3: kind reply, subject One more thing, from_email ana@acme.example, matched_by sender, attachments [], outreach_id 1',
    ),
    step(
      'a bounce',
      post({
        from: 'mailer-daemon@globex.example',
        to: KIM,
        subject: 'Undelivered Mail Returned to Sender',
        answers: 6,
        headers: [['X-Failed-Recipients', 'joe@globex.example']],
        sender: '',
      }),
      ONE,
      '+ mail 4: kind bounce, subject Undelivered Mail Returned to Sender, from_email mailer-daemon@globex.example, attachments []',
    ),
    step(
      'a reply with an attachment, as multipart: described, its bytes not kept',
      multipart(
        [...mail({ from: '"Park, Joe" <Joe@Globex.example>', to: KIM, answers: 6 }), ...signature()],
        [
          {
            field: 'attachment-1',
            name: 'offer.pdf',
            type: 'application/pdf',
            content: Buffer.alloc(250_000),
          },
        ],
      ),
      ONE,
      '+ mail 5: kind reply, subject Re: Quick question, from_email joe@globex.example, matched_by thread, attachments [{"name":"offer.pdf","size":250000,"type":"application/pdf"}], outreach_id 6',
      `outreach 6: status sent -> replied, ${replied}`,
      cancelled(6, 'replied'),
      moved(2),
      '+ push: Reply received!: Joe at Globex replied',
    ),
    step(
      'a colleague of Eve writes: the latest outreach from that mailbox to their company',
      post({ from: 'hr@globex.example', to: SAM, subject: 'Your application' }),
      ONE,
      '+ mail 6: kind reply, subject Your application, from_email hr@globex.example, matched_by domain, attachments [], outreach_id 4',
      `outreach 4: status sent -> replied, ${replied}`,
      moved(3),
      '+ push: Reply received!: Eve at Globex replied',
    ),
    step(
      'Joe asks to stop: no more mail to him at all',
      post({ from: 'joe@globex.example', to: KIM, text: 'Please remove me from your list.', answers: 5 }),
      ONE,
      '+ mail 7: kind reply, subject Re: Quick question, from_email joe@globex.example, matched_by thread, attachments [], outreach_id 5',
      `outreach 5: status sent -> replied, ${replied}`,
      'contact Joe: opted_out false -> true, opted_out_reason null -> unsubscribed',
      cancelled(5, 'unsubscribed'),
      'step 1 of outreach 6: cancelled_reason replied -> unsubscribed',
      moved(4),
      '+ push: Reply received!: Joe at Acme replied',
    ),
    step(
      'raw MIME: how to change the route',
      urlencoded([['body-mime', 'From: ana@acme.example'], ...signature()]),
      '400 WEBHOOK_MALFORMED: This route posts raw MIME (body-mime): let its forward() URL end in /webhooks/mailgun-inbound, not in "mime"',
    ),
  ]
}
