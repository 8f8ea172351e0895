import { expect, test } from 'vitest'
import { classify, type Kind } from '../../src/mail/kind/classify.ts'
import { fromPayload, type Mail } from '../../src/mail/mail.ts'
import { isStopRequest } from '../../src/mail/stop/stop-request.ts'
import { decodeHeader } from '../../src/mail/text/decode.ts'
import { automatic } from './labelled/automatic.ts'
import type { LabelledMail } from './labelled/mail.ts'
import { people } from './labelled/people.ts'
import { peopleAbroad } from './labelled/people-abroad.ts'
import { reports } from './labelled/reports.ts'
import { stops } from './labelled/stops.ts'

const LABELLED = [...people, ...peopleAbroad, ...automatic, ...reports, ...stops]

const toMail = ({
  subject,
  from = 'Ana Lopez <ana@acme.example>',
  sender,
  headers,
  ...rest
}: LabelledMail): Mail =>
  fromPayload({
    subject: decodeHeader(subject),
    from,
    sender: sender ?? /<(.*)>/.exec(from)?.[1] ?? from,
    headers: Object.entries(headers ?? {}),
    text: rest.text ?? 'Text.',
    calendarMethod: rest.calendarMethod ?? null,
  })

const judge = (labelled: LabelledMail): { kind: Kind; stops: boolean } => {
  const mail = toMail(labelled)
  const isContact = labelled.isContact ?? labelled.from === undefined
  const kind = classify(mail, { isOwn: false, answersUs: labelled.inThread ?? false, isContact })
  return { kind, stops: (kind === 'reply' && isStopRequest(mail)) || kind === 'unsubscribe' }
}

const judged = LABELLED.map((labelled) => ({ labelled, judged: judge(labelled) }))
const described = (wrong: typeof judged) =>
  wrong.map(
    ({ labelled, judged: { kind } }) =>
      `${labelled.kind} -> ${kind}: ${labelled.subject} | ${labelled.text ?? ''}`,
  )

test('the labelled set is large, and half of it are people', () => {
  expect(LABELLED.length).toBeGreaterThanOrEqual(400)
  expect(LABELLED.filter(({ kind }) => kind === 'reply').length * 2).toBeGreaterThanOrEqual(LABELLED.length)
  printMatrix()
})
test('no person is lost', () => {
  expect(
    described(judged.filter((one) => one.labelled.kind === 'reply' && one.judged.kind !== 'reply')),
  ).toEqual([])
})
test('no automatic mail is taken for a person', () => {
  expect(
    described(judged.filter((one) => one.labelled.kind !== 'reply' && one.judged.kind === 'reply')),
  ).toEqual([])
})
test('every mail is of its kind', () => {
  expect(described(judged.filter((one) => one.labelled.kind !== one.judged.kind))).toEqual([])
})
test('no person is opted out without asking for it', () => {
  const wanted = ({ kind, stops }: LabelledMail) => stops === true || kind === 'unsubscribe'
  expect(described(judged.filter((one) => one.judged.stops && !wanted(one.labelled)))).toEqual([])
})
test('every request to stop is honoured', () => {
  expect(described(judged.filter((one) => one.labelled.stops && !one.judged.stops))).toEqual([])
})

/** Rows are what people say, columns what the rules say. */
const printMatrix = (): void => {
  const kinds = ['complaint', 'bounce', 'unsubscribe', 'auto_reply', 'reply']
  const matrix = Object.fromEntries(
    kinds.map((label) => [
      label,
      Object.fromEntries(
        kinds.map((kind) => [
          kind,
          judged.filter((one) => one.labelled.kind === label && one.judged.kind === kind).length,
        ]),
      ),
    ]),
  )
  console.table(matrix)
  const asked = judged.filter(({ labelled }) => labelled.stops)
  console.log(
    `Requests to stop: ${asked.filter((one) => one.judged.stops).length} of ${asked.length} honoured`,
  )
}
