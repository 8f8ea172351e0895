import { mailgunEnv } from '../providers/mailgun/deliveries.ts'
import { sendgridEnv } from '../providers/sendgrid/deliveries.ts'
import { type Service, startService } from '../service.ts'
import { storeEvents } from '../stored.ts'

export const PASSWORD = 'correct horse battery'

/** A service with the console, for SendGrid's and Mailgun's deliveries. */
export const startWithConsole = (env: Record<string, string> = {}): Promise<Service> =>
  startService({ env: { ...sendgridEnv, ...mailgunEnv, CONSOLE_PASSWORD: PASSWORD, DD_ENV: 'test', ...env } })

export const login = (password: string, user = 'kim') => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})

/** Asks for a page as a logged-in browser does. */
export const visit = (service: Service, path: string, init: RequestInit = {}) =>
  fetch(service.url + path, {
    redirect: 'manual',
    ...init,
    headers: { ...login(PASSWORD), ...(init.headers as Record<string, string> | undefined) },
  })

/** Posts a form as a page of the console does. */
export const submit = (
  service: Service,
  path: string,
  form: Record<string, string>,
  headers: Record<string, string> = { origin: service.url },
) => visit(service, path, { method: 'POST', body: new URLSearchParams(form), headers })

/** A dead event of outreach 2, whose updates failed until now. */
export const killedEvent = async (service: Service, eventId: string): Promise<string> => {
  const [id] = await storeEvents(service.db, [
    {
      eventId,
      subject: 'outreach:2',
      payload: { event: 'click', outreach_id: 2 },
      status: 'dead',
      attempts: 8,
      lastError: 'deadlock of doom',
      receivedAt: new Date(service.now().getTime() - 2 * 3_600_000),
    },
  ])
  return String(id)
}
