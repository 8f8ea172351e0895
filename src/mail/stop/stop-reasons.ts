/**
 * Reasons why a person wants no more mail. Next to a request they add nothing; alone they are a reply. One language per
 * line, in the form of the polite phrases.
 */
export const REASONS: string[] = [
  'as|because|since|therefore',
  '(as )?(i|we|ive|weve)( have)?( (just|already|now|recently|since))* (found|got|have|accepted|started|taken) (a|another)( (new|different))? (job|position|role)( (already|now|elsewhere))?',
  '(i am|im|we are|were)( (currently|now))? (not|no longer|not currently)( (currently|actively))? (hiring|recruiting|looking|available|responsible)( (any ?more|at the moment|right now|at this time|for (this|that|it)|for (a|any)( new)? (job|position|role)))*',
  '(the|this|that|our) (position|role|job|vacancy|opening) (is|was|has been)( (already|now|since))* (filled|closed|taken|gone)',
  '(i|we)( have)? (left|retired)( from)?( (the|this|that|my) (company|job|position))?|(i am|im|i have|ive)( (already|now))? retired|(i|we) (no longer|do not|dont) work (here|there|in recruiting|in hr)( any ?more)?|(i am|im) (no longer|not) (with|at|in) (the|this|that) company( any ?more)?',
  '((i|we) (get|receive|am getting|are getting|keep getting) )?((way|far) )?too many MAILS_EN( (already|from you|like this|a day|every day))*|you (are (sending|writing|mailing|e ?mailing)|send|write|mail|e ?mail)( (to )?(me|us))? (too (often|much)|too many MAILS_EN)',
  '(we|i) have no( (current|open))* (openings?|vacancy|vacancies|positions?|jobs?|need|use|interest)( (for (this|it|that)|in (this|it|that)|at (the|this) (moment|time)|right now|now))*',
  '(ich habe|wir haben)( (bereits|schon|inzwischen|jetzt))* (eine( neue)? (stelle|arbeit)|einen( neuen)? job)( gefunden)?|(wir|ich) (suchen|suche)( (derzeit|zurzeit|momentan|aktuell))? niemanden( mehr)?|(wir stellen|ich stelle)( (derzeit|zurzeit|momentan|aktuell))? (niemanden|nicht) ein|die stelle ist( (bereits|schon|inzwischen))? (besetzt|vergeben)|ich arbeite( (dort|hier))? nicht mehr( (dort|hier))?|(ich (bekomme|erhalte)|wir (bekommen|erhalten)|das sind) zu viele (e ?mails?|mails?|nachrichten)|da|weil',
  'jai( déjà)? (trouvé )?(un )?(nouvel |autre )?(emploi|travail|poste)|le poste est( déjà)? pourvu|nous ne recrutons( pas| plus)( (actuellement|pour le moment|en ce moment))?|je ne travaille plus( (ici|là|là bas))?|(je|jen) reçois trop de (mails|messages|e ?mails|courriels)|car|parce que',
  '(ya )?(he encontrado|encontré|tengo|conseguí)( (un|otro))?( nuevo)? (trabajo|empleo)|(el puesto|la vacante|la plaza)( ya)? (está|fue|ha sido) cubiert(o|a)|(ahora )?no (estamos contratando|buscamos (personal|a nadie))( ahora)?|ya no trabajo (aquí|ahí|allí)|recibo demasiados (correos|mensajes|mails|e ?mails)|porque|ya que',
  'ho( già)? trovato( un)?( (nuovo|altro))? (lavoro|impiego)|ho già un lavoro|(il posto|la posizione) è( già)? (occupat(o|a)|copert(o|a))|non (stiamo assumendo|cerchiamo (personale|nessuno))|non lavoro più (qui|lì|là)|ricevo (troppe (e ?mail|mail)|troppi messaggi)|perché|poiché',
  '(já )?(encontrei|consegui|arranjei|tenho)( (um|outro))?( novo)? (emprego|trabalho)|a vaga( já)? (foi|está) preenchida|não estamos (contratando|a contratar|recrutando|a recrutar)|já não trabalho (aqui|aí|lá)|não trabalho mais (aqui|aí|lá)|recebo (demasiados|muitos) (e ?mails|mensagens)|porque|pois',
  '(ik heb|wij hebben|we hebben)( (al|inmiddels|nu))? een( (nieuwe|andere))? (baan|job)( gevonden)?|de (functie|vacature) is( (al|reeds))? (vervuld|ingevuld)|(wij|we) (zoeken niemand|nemen niemand aan)|ik werk (hier|daar) niet meer|ik krijg te ?veel (e ?mails?|mails?|berichten)|want|omdat',
  'mam już( (nową|inną))? pracę|znalazł(em|am)( już)?( nową)? pracę|stanowisko jest( już)? (obsadzone|zajęte)|(obecnie )?nie rekrutujemy( obecnie)?|już (tu|tam) nie pracuję|nie pracuję( już)? (tu|tutaj|tam)|dostaję za dużo (maili|wiadomości)|ponieważ|bo',
  'jag har( redan)? (fått|hittat)( ett)?( nytt)? jobb|tjänsten är( redan)? tillsatt|vi (anställer|rekryterar) inte( (just nu|nu))?|jag (jobbar|arbetar) inte( kvar)?( längre)? (här|där)( längre)?|jag får för många (mejl|mail|meddelanden)|eftersom',
  'jeg har( allerede)? (fået|fundet)( et)?( nyt)? (job|arbejde)|stillingen er( allerede)? besat|vi (ansætter|rekrutterer) ikke( (lige nu|i øjeblikket))?|jeg arbejder (ikke|her ikke|der ikke)( længere)?( (her|der))?|jeg får for mange (mails|e ?mails|beskeder)|fordi',
  'jeg har( allerede)? (fått|funnet)( en)?( ny)? jobb|stillingen er( allerede)? (besatt|fylt)|vi (ansetter|rekrutterer) ikke( (nå|for tiden))?|jeg (jobber|arbeider) ikke( lenger)? (her|der)( lenger)?|jeg får for mange (e ?poster|mails|meldinger)|fordi',
  '(я )?(уже )?(нашел|нашла) (новую )?работу|у меня (уже )?есть работа|(вакансия|позиция) (уже )?закрыта|мы (сейчас )?никого не ищем|(я )?(здесь|там) больше не работаю|слишком много писем|хватит',
  '(我|本人)?(已经|已經|已)(找到|有)(了)?(新)?工作(了)?|(职位|職位|岗位|崗位)(已经|已經|已)(招满|招滿|满|滿|关闭|關閉)(了)?|(我们|我們)?(目前|现在|現在)?(不招人|不招聘)|(邮件|郵件)太多(了)?',
  '(すでに|既に|もう)?(仕事|職|就職先|転職先)(が|は)(見つかりました|決まりました)(ので)?|(募集|採用)(は|を)?(終了しました|終了しています|しておりません)(ので)?|現在(募集|採用)(は)?しておりません(ので)?|メールが多すぎ(ます|る)(ので)?',
]
