import { randomBytes } from 'node:crypto'
import type { SampleSubject, Samples } from '../sample.ts'
import { type FormFields, type MailgunSigner, mailFields, urlencoded } from './sign.ts'

interface Mail {
  subject: string
  text: string
  headers?: [name: string, value: string][]
  from?: string
  /** The envelope's; empty for what no person sent. */
  sender?: string
  /** Whether it names the outreach that it answers; by default it does. */
  isNew?: boolean
}

/** Mails that come back, each by the name of what it is. */
const MAILS: Record<string, (about: SampleSubject) => Mail> = {
  reply: () => ({
    subject: 'Re: Your opening',
    text: 'Thank you, I am interested. Shall we talk on Tuesday?',
  }),
  auto_reply: () => ({
    subject: 'Out of office: Re: Your opening',
    text: 'I am away until Monday.',
    headers: [['Auto-Submitted', 'auto-replied']],
    sender: '',
  }),
  bounce: ({ contact }) => ({
    subject: 'Delivery Status Notification (Failure)',
    text: `Your message to ${contact} could not be delivered.`,
    headers: [['X-Failed-Recipients', contact]],
    from: 'Mail Delivery Subsystem <mailer-daemon@example.com>',
    sender: '',
  }),
  stop: () => ({ subject: 'Re: Your opening', text: 'Please remove me' }),
  new_mail: () => ({ subject: 'Our call', text: 'Shall we talk on Tuesday?', isNew: true }),
  colleague: ({ contact }) => ({
    subject: 'Your application',
    text: 'A colleague passed your mail on to me. Shall we talk on Tuesday?',
    from: `Bob <bob${contact.slice(contact.lastIndexOf('@'))}>`,
    isNew: true,
  }),
  stranger: () => ({
    subject: 'Your application',
    text: 'We met last week. Shall we talk on Tuesday?',
    from: 'Eve <eve@elsewhere.example>',
    sender: 'eve@elsewhere.example',
    isNew: true,
  }),
}

/** Mails in answer to the outreach, signed as Mailgun does; a retry repeats the token. */
export const mailgunSamples = (signer: MailgunSigner): Samples =>
  Object.fromEntries(
    Object.entries(MAILS).map(([name, write]) => [
      name,
      (about, at) => {
        const written = write(about)
        const { subject, text, headers = [], from = about.contact, sender = about.contact } = written
        const answered = `<outreach_${about.outreach}@${about.mailbox.split('@')[1]}>`
        const fields = mailFields({
          recipient: about.mailbox,
          sender,
          headers: [
            ['From', from],
            ['To', about.mailbox],
            ['Subject', subject],
            ['Date', at.toUTCString()],
            ['Message-Id', `<${randomBytes(12).toString('hex')}@mail.example>`],
            ...(written.isNew
              ? []
              : ([
                  ['In-Reply-To', answered],
                  ['References', answered],
                ] satisfies FormFields)),
            ...headers,
          ],
          text,
        })
        const token = randomBytes(25).toString('hex')
        return { sign: (signedAt) => urlencoded([...fields, ...signer.sign({ at: signedAt, token })]) }
      },
    ]),
  )
