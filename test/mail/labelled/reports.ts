import type { LabelledMail } from './mail.ts'

/** Bounces and complaints. */
export const reports: LabelledMail[] = [
  {
    kind: 'bounce',
    subject: 'Delivery Status Notification (Failure)',
    from: 'Mail Delivery Subsystem <mailer-daemon@googlemail.example>',
    headers: { 'X-Failed-Recipients': 'ana@acme.example' },
    sender: '',
    inThread: true,
  },
  {
    kind: 'bounce',
    subject: 'Undelivered Mail Returned to Sender',
    from: 'MAILER-DAEMON@mx.acme.example (Mail Delivery System)',
    sender: '',
  },
  { kind: 'bounce', subject: 'failure notice', from: 'MAILER-DAEMON', sender: '' },
  {
    kind: 'bounce',
    subject: 'Returned mail: see transcript for details',
    from: 'Mail Delivery Subsystem <Mailer_Daemon@acme.example>',
  },
  {
    kind: 'bounce',
    subject: 'Undeliverable: Your opening',
    from: 'Microsoft Outlook <MicrosoftExchange329e71@acme.example>',
    headers: { 'Content-Type': 'multipart/report; report-type=delivery-status; boundary=b' },
  },
  {
    kind: 'bounce',
    subject: 'Undeliverable: Your opening',
    from: '"Postmaster, the" <postmaster@acme.example>',
    inThread: true,
  },
  {
    kind: 'bounce',
    subject: 'Unzustellbar: Ihre Stelle',
    from: 'Microsoft Outlook <post_master@acme.example>',
    inThread: true,
  },
  {
    kind: 'bounce',
    subject: 'Undelivered Mail Returned to Sender',
    from: 'Mail Delivery System <mda@mx7.acme.example>',
    inThread: true,
  },
  {
    kind: 'bounce',
    subject: 'Mail delivery failed: returning message to sender',
    from: 'Acme <noreply@acme.example>',
    inThread: true,
  },
  {
    kind: 'bounce',
    subject: 'Delivery failure',
    from: 'System <system@acme.example>',
    sender: '',
    inThread: true,
  },
  { kind: 'bounce', subject: '配信不能: 求人', from: 'system@acme.example', sender: '<>' },
  {
    kind: 'bounce',
    subject: 'Out of office',
    from: 'ana@acme.example',
    headers: {
      'Content-Type': 'multipart/REPORT; boundary="b";\r\n report-type="delivery-status"',
      'Auto-Submitted': 'auto-replied',
    },
  },
  { kind: 'bounce', subject: 'Warning: message delayed 24 hours', from: 'mailer-daemon@acme.example' },
  {
    kind: 'complaint',
    subject: 'Email Feedback Report for IP 192.0.2.1',
    from: 'feedback@isp.example',
    headers: { 'Content-Type': 'multipart/report; report-type=feedback-report; boundary=b' },
    inThread: true,
  },
  {
    kind: 'complaint',
    subject: 'Abuse report',
    from: 'mailer-daemon@isp.example',
    headers: { 'Content-Type': 'multipart/report; boundary=b;\n\treport-type="Feedback-Report"' },
  },
  {
    kind: 'complaint',
    subject: 'complaint about message from 192.0.2.1',
    from: 'staff@hotmail.com',
    headers: { 'Content-Type': 'multipart/mixed; boundary=b' },
  },
  {
    kind: 'complaint',
    subject: 'complaint about message from 192.0.2.1',
    from: 'complaints@email-abuse.amazonses.com',
  },
  {
    kind: 'complaint',
    subject: 'abuse',
    headers: { 'Content-Type': 'message/feedback-report' },
    inThread: true,
  },
  { kind: 'bounce', subject: 'Delivery failed for your message', from: 'noreply@mx.example', inThread: true },
  { kind: 'bounce', subject: 'Undeliverable: Hello', from: 'no-reply@mx.example', inThread: true },
  { kind: 'bounce', subject: 'Impossible de remettre : Bonjour', sender: '', inThread: true },
  { kind: 'bounce', subject: 'Mensaje no entregado', sender: '', inThread: true },
  { kind: 'bounce', subject: 'Viestiä ei voitu toimittaa', sender: '<>', inThread: true },
]
