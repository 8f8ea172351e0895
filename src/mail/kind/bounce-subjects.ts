import { fold } from '../text/fold.ts'

const MAX_SUBJECT = 1_000

/** The subjects of mail servers' bounces; how they begin. People write `Fwd:` before them, or write about them. */
const BEGINNINGS = [
  'Undelivered Mail Returned to Sender',
  'Undeliverable',
  'Undelivered',
  'Delivery Status Notification',
  'Delivery Failure',
  'Delivery Failed',
  'Delivery Notification',
  'Delivery has failed',
  'Mail delivery failed',
  'Mail delivery failure',
  'Mail Delivery Problem',
  'Mail System Error',
  'Message undeliverable',
  'Message could not be delivered',
  'Message not delivered',
  'Returned mail',
  'Return to sender',
  'Failure notice',
  'Failed mail',
  'Failed to deliver',
  'Non delivery notification',
  'Non delivery report',
  'Nondeliverable mail',
  'Warning: could not send message',
  'Warning: message delayed',
  'Your message could not be delivered',
  'Could not deliver',
  'Unzustellbar',
  'Nicht zustellbar',
  'Zustellung fehlgeschlagen',
  'Benachrichtigung zum Übermittlungsstatus',
  'Mail-Zustellung fehlgeschlagen',
  'Non remis',
  'Impossible de remettre',
  'Remise impossible',
  'Message non distribué',
  'Message non remis',
  'Non distribuable',
  'Échec de la remise',
  'Échec de remise',
  'Notification d’état de remise',
  'Retour de courrier',
  'No se puede entregar',
  'No entregado',
  'Error de entrega',
  'Correo no entregado',
  'Mensaje no entregado',
  'Mensaje devuelto',
  'Notificación de estado de entrega',
  'Non recapitabile',
  'Impossibile recapitare',
  'Mancato recapito',
  'Messaggio non recapitato',
  'Notifica sullo stato del recapito',
  'Não foi possível entregar',
  'Não entregue',
  'Falha na entrega',
  'Mensagem não entregue',
  'Mensagem devolvida',
  'Onbestelbaar',
  'Niet bezorgd',
  'Kan niet worden bezorgd',
  'Niedostarczono',
  'Nie można dostarczyć',
  'Kan inte levereras',
  'Ikke leveret',
  'Kan ikke leveres',
  'Toimitus epäonnistui',
  'Viestiä ei voitu toimittaa',
  'Nedoručitelné',
  'Kézbesíthetetlen',
  'Teslim edilemedi',
  'Не доставлено',
  'Недоставленное сообщение',
  '配信不能',
  '配信不可',
  '未送達',
  '系统退信',
  '退信',
  '배달되지 않음',
].map(fold)

/**
 * What may follow such a beginning in a bounce: `Undelivered: …`, `Delivery has failed to …`, not `Undelivered
 * parcels`.
 */
const GOES_ON =
  /^($| ?[^\p{L}\p{N} ]| (to|for|notification|notice|report|returned|after|an?|aux?|per|para|por|voor|till|til)(?![\p{L}\p{N}]))/u

/**
 * Whether the subject begins as a bounce's, at a word end.
 * @param wholly whether the rest must read like a bounce, too: people write about deliveries, some of them through
 * no-reply senders
 */
export const isBounceSubject = (subject: string, { wholly }: { wholly: boolean }): boolean => {
  const text = fold(subject.slice(0, MAX_SUBJECT)).replace(/^[^\p{L}\p{N}]+/u, '')
  return BEGINNINGS.some((one) => {
    if (!text.startsWith(one)) return false
    const rest = text.slice(one.length)
    return wholly ? GOES_ON.test(rest) : !/^[\p{L}\p{N}]/u.test(rest)
  })
}
