import { createTransport } from 'nodemailer'
import { compose } from './emails/index.ts'
import { PermanentError, type Send, type SenderOptions } from './send.ts'

/**
 * nodemailer parses an address, and one that holds a line break or a comma would reach people it was not written
 * for. What is refused here is no address of a user of ours.
 */
const ADDRESS = /^[^\s<>()[\],;:"\\\p{Cc}]+@[^\s<>()[\],;:"\\@\p{Cc}]+$/u

/** The settings are at fault (no or wrong credentials): once they are corrected the mail goes out. */
const OUR_FAULT = new Set([530, 534, 535, 538])

/** E-mail through SMTP. The queue retries; here every wait has an end. */
export const createEmail = ({ config }: SenderOptions): Send<'email'> => {
  if (config.SMTP_URL === undefined) return async () => 'not_configured'
  const transport = createTransport({
    url: config.SMTP_URL,
    connectionTimeout: 5_000,
    greetingTimeout: 5_000,
    socketTimeout: 10_000,
    dnsTimeout: 5_000,
    // Nothing a message holds may make nodemailer read a file or a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return async ({ to, ...content }) => {
    if (!ADDRESS.test(to)) throw new PermanentError('the user’s e-mail address is not usable')
    try {
      await transport.sendMail({
        from: config.EMAIL_FROM,
        to: { name: '', address: to },
        ...compose(content),
      })
      return 'sent'
    } catch (error) {
      const { responseCode } = error as { responseCode?: unknown }
      if (typeof responseCode === 'number' && responseCode >= 500 && !OUR_FAULT.has(responseCode)) {
        throw new PermanentError(`the mail server refuses: ${responseCode}`, { cause: error })
      }
      throw error
    }
  }
}
