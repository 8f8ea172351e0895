import { createHash } from 'node:crypto'
import { createTransport } from 'nodemailer'
import { compose } from './emails/index.ts'
import { PermanentError, type Send, type SenderOptions } from './send.ts'

/**
 * nodemailer parses an address, and one that holds a line break or a comma would reach people it was not written for.
 * An address refused here cannot belong to a RoleFerry user.
 */
const ADDRESS = /^[^\s<>()[\],;:"\\\p{Cc}]+@[^\s<>()[\],;:"\\@\p{Cc}]+$/u

/**
 * Commands after which a refusal is about this mail. After any other (greeting, login, sender address) the settings or
 * the server are at fault: once that is fixed, the mail goes out.
 */
const ABOUT_THE_MAIL = new Set<unknown>(['RCPT TO', 'DATA'])
/** Missing or wrong credentials, which some servers report only at the recipient. */
const LOGIN = new Set([530, 534, 535, 538])

/** E-mail through SMTP. The queue retries; here every wait has an end. */
export const createEmail = ({ config }: Pick<SenderOptions, 'config'>): Send<'email'> => {
  if (config.SMTP_URL === undefined) return async () => 'not_configured'
  const transport = createTransport({
    ...config.SMTP_URL,
    connectionTimeout: 5_000,
    greetingTimeout: 5_000,
    socketTimeout: 10_000,
    dnsTimeout: 5_000,
    // Nothing a message holds may make nodemailer read a file or a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const domain = config.EMAIL_FROM.replace(/^.*@|>$/g, '')
  return async ({ to, ...content }, _signal, { key }) => {
    if (!ADDRESS.test(to)) throw new PermanentError('the user’s e-mail address is not usable')
    try {
      await transport.sendMail({
        from: config.EMAIL_FROM,
        to: { name: '', address: to },
        // The same at every try, so that the receiving side can recognize a mail that was sent twice.
        messageId: `<${createHash('sha256').update(key).digest('hex').slice(0, 32)}@${domain}>`,
        // Asks automatic responders not to answer (RFC 3834, and Exchange's own header).
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'OOF, AutoReply' },
        ...compose(content),
      })
      return 'sent'
    } catch (error) {
      const { responseCode, command } = error as { responseCode?: unknown; command?: unknown }
      const refused = typeof responseCode === 'number' && responseCode >= 500 && !LOGIN.has(responseCode)
      if (refused && ABOUT_THE_MAIL.has(command)) {
        throw new PermanentError(`the mail server refuses this mail: ${responseCode}`, { cause: error })
      }
      throw error
    }
  }
}
