/**
 * How one language asks for no more mail. A request consists only of `asks`, `fills` and polite words, with at least
 * one `asks`. They are written normally here, and compared folded, without punctuation and apostrophes.
 */
interface Language {
  /** Patterns over a few words, each a request by itself. They have no repetition, so none can be slow. */
  asks: string[]
  /**
   * Words that may stand around them: what to be taken off, from when on. Words that could say anything more are left
   * out.
   */
  fills: string
}

const ME_EN =
  '(me|us|my (name|e ?mail|address|e ?mail address|mail address|data|details|contact|contact details|contact information|info|information|email id)|our (address|e ?mail|e ?mail address|company|team|domain|data|details)|this (address|e ?mail|e ?mail address)|@)'
/** What is to be deleted. "Mail" alone does not mean the sender's address. */
const DATA_EN =
  '(me|us|my (name|address|e ?mail address|mail address|data|details|contact|contact details|contact information|info|information)|our (address|e ?mail address|data|details)|this (e ?mail )?address|@)'
const MAILS_EN =
  '(e ?mails?|mails?|messages?|newsletters?|spam|communications?|correspondence|contact|follow ups?|mailings?|stuff|junk)'

export const LANGUAGES: Record<string, Language> = {
  english: {
    asks: [
      'unsubscribe( (me|us|my e ?mail|my address|this address|@|all|request))?|unsub( me)?|unsubscription( request)?',
      '((i|we) )?(want|wish|would like|like|need|ask|request|prefer) to be (unsubscribed|removed|deleted|taken off|opted out)|be (unsubscribed|removed|taken off)',
      '(can|could|may) i( please)? be (removed|unsubscribed|taken off|deleted)|(would|do) you mind (removing|unsubscribing|deleting) ME_EN|mind taking ME_EN off|(i|we)( hereby)? (unsubscribe|opt out)|how (do|can) i (unsubscribe|opt out|stop these|stop this)|to unsubscribe',
      '(stop|cease|discontinue)( (it|this|that|all|these|the))?|cease and desist|(stop|cease) contact( with me)?|(cancel|end)( (my|the|this|these|your|all|any)){0,2} (subscriptions?|MAILS_EN)|deregister me',
      '(stop|quit|cease|discontinue) ((e ?mailing|mailing|contacting|messaging|spamming|writing|bothering|harassing|pestering|reaching out|writing to|sending|e ?mailing to|sending to)( to)?( ME_EN)?)( (any|more|any more|these|your|this|further|such|all|unsolicited|the)){0,2}( MAILS_EN)?',
      '(remove|drop|strike|exclude) ME_EN( off)?|remove|removal|(delete|erase) DATA_EN|(delete|erase) (my|this) e ?mail (from|off)|(removal|delete) from',
      'take ME_EN (off|out of)|take off ME_EN|((i|we) )?want (off|out of)|get ME_EN off|leave ME_EN off|keep ME_EN off',
      'opt( me| us| @)? out|optout|opting out|opted out of',
      '(do not|dont|never|not to) (ever )?(contact|e ?mail|mail|write|message|bother|spam|reach out|write to|reach out to|mail to|send to)( to)?( ME_EN)?( MAILS_EN)?',
      '(do not|dont|never) (ever )?send( to)?( ME_EN)?( (any|more|any more|these|your|this|further|such|other))? ?(MAILS_EN|anything)',
      // These need an object: "Do not send more" may be about pictures, forms or candidates.
      '(do not|dont|never) (ever )?send( to)? ME_EN( (any|these|this|that|it))? (any more|more|again)',
      'no (more|further|other) MAILS_EN',
      '((i|we) )?(do not|dont|no longer|never) (want|wish|care|need)( to)? (receive|get|hear|be contacted|be e ?mailed|hear from|get contacted|be on)',
      '((i|we) )?(do not|dont|no longer) (want|wish|need) (any|your|these|further|more|any more|any further) ?(more )?MAILS_EN',
      '((i|we) (would )?|(id|wed) )?(prefer|rather) not (to )?(be contacted|receive|get|hear)',
      '(delete|erase|remove) (all )?(of )?my (personal )?(data|details|information|info|records)|(add|put|place) ME_EN (on|to|onto|in) (your|the) do not (contact|e ?mail|mail) list|refrain from (contacting|e ?mailing|mailing|messaging|writing|sending)( to)?( ME_EN)?( (any|more|further|such|these|your))?( MAILS_EN)?',
      'leave (me|us) alone|lose my (e ?mail|address)|((i am|im|we are|were) )?(not|no longer) interested in (receiving|getting)',
    ],
    fills:
      'me us my our your the this these those that all any of from off out to for on at in list lists mailing mailings mail mails email emails e newsletter newsletters message messages database databases db crm system records distribution distro subscription subscriptions subscriber subscribers communications communication correspondence marketing promotional unsolicited sequence sequences campaign campaigns drip contacts contact_list contact_lists contact_database again anymore any_more no_longer ever further future address here @ it everything and or so such sending automated other addresses entirely completely permanently altogether from_you by_you anything spam company domain team id inbox like_this like_these like_that about_this by_email by_mail by_e_mail more longer',
  },
  german: {
    asks: [
      '(entfernen|löschen|streichen) sie (bitte )?ME_DE|(entferne|entfern|entfernt|lösche|lösch|löscht|streiche|streich|streicht)( bitte)? ME_DE',
      '(nehmen sie|nimm|nehmt)( bitte)? ME_DE( bitte)? (aus|von|vom|raus|heraus|runter)|(tragen sie|trag|trage|tragt)( bitte)? ME_DE( bitte)? (aus|von|vom)|(melden sie|meld|melde|meldet)( bitte)? ME_DE( bitte)? (ab|von|vom)',
      '(ich )?widerspreche( ich)?( hiermit)? (der|jeder|jeglicher)( weiteren)? (nutzung|verwendung|verarbeitung|kontaktaufnahme|zusendung)',
      'ME_DE( bitte)?( (aus|von|vom))?( (ihrem|ihrer|dem|der|diesem|dieser|eurem|eurer|deinem|deiner))?( (verteiler|e ?mail verteiler|liste|mailingliste|newsletter|datenbank))? (entfernen|löschen|streichen|austragen|abmelden|rausnehmen|herausnehmen|rauszunehmen|zu entfernen|zu löschen|auszutragen|zu streichen|abzumelden)',
      'abmelden|abmeldung|abbestellen|abbestellung|austragen|austragung|newsletter abbestellen|(aus|vom|von)( (dem|der|ihrem|ihrer|eurem))? (verteiler|liste|mailingliste|datenbank|newsletter) (entfernen|löschen|nehmen|streichen|austragen)|entfernen|stopp|aufhören',
      '(sehen sie )?(bitte )?von (weiteren|jeglichen|solchen|derartigen)( weiteren)? (e ?mails|mails|nachrichten|anfragen|anschreiben|zusendungen|kontaktaufnahmen) (ab|absehen|abzusehen)',
      'um (die |umgehende |sofortige )?(löschung|entfernung|austragung|abmeldung|streichung)',
      '(keine|keinerlei)( (weiteren|weitere|solche|solchen|derartigen|mehr))?( (weiteren|weitere))? (e ?mails?|mails?|nachrichten|werbung|werbemails|zuschriften|kontaktaufnahme|newsletter|anschreiben|post|kontakt)|kein kontakt mehr|keinen kontakt mehr|keinen weiteren kontakt',
      '(schreiben|kontaktieren|mailen|belästigen|schreib|schreibt|schreibe|kontaktiere|kontaktiert|maile|mail|mailt)( sie)?( (mich|mir|uns|bitte))?( (mich|mir|uns|bitte))? (nicht|nie|niemals) (mehr|wieder|länger)( an)?',
      '(mich|mir|uns)( bitte)? (nicht|nie) (mehr|wieder|länger|weiter) (kontaktieren|anschreiben|schreiben|mailen|anmailen|belästigen|kontaktiert|zu kontaktieren|anzuschreiben|zu schreiben)|nicht (mehr|länger|weiter) (kontaktieren|anschreiben|schreiben|mailen|belästigen|kontaktiert werden|angeschrieben werden)',
      '(hören sie (bitte )?auf|hör auf|hört auf)( damit)?( /)?( (mir|mich))?( (zu schreiben|anzuschreiben|zu mailen|zu kontaktieren))?|lassen sie mich in ruhe|lass mich in ruhe|unterlassen sie (das|dies|es|weitere)',
    ],
    fills:
      'mich mir uns sie ihnen ihr ihrem ihrer ihren ihre eurem eurer euren dem der den die das diesem dieser diesen diese deinem deiner aus von vom auf an zu zukünftig künftig zukunft in mehr weitere weiteren bitte verteiler verteilern verteilerliste mailverteiler emailverteiler liste listen mailingliste mailinglisten datenbank adressliste kontaktliste newsletter mail mails email emails e nachrichten werbung kartei system heraus raus ab aus @ meine daten adresse mailadresse unverzüglich sofort umgehend hiermit auch alle allen und kontaktaufnahmen kontaktversuche erhalten bekommen empfangen senden schicken zusenden zu diese adresse jemals wieder endlich werden lassen meiner mailing damit spam',
  },
  french: {
    asks: [
      '(désinscri|désabonn|retir|supprim|enlev|effac|ray|ôt|radi|sort)(re|er|vez|ez|s|e|t|ir)( (moi|nous|ME_FR))|(me|nous|m) (désinscrire|désabonner|retirer|supprimer|enlever|effacer|rayer|radier|sortir|ôter|exclure)|(retirer|supprimer|enlever|effacer|rayer|radier|retirez|supprimez|enlevez|effacez|désinscrire|désabonner) ME_FR',
      'désinscription|désabonnement|désinscrire|désabonner|désinscrivez|désabonnez|(être )?(désinscrite?|désabonnée?|retirée?|supprimée?|rayée?) (de|du|des)',
      '(ne )?(me |m|nous )?(contactez|écrivez|sollicitez|relancez|recontactez|dérangez|contacte|écris|mécrivez|mécris) (plus|pas|jamais)( jamais)?|(ne )?(menvoyez|nous envoyez|envoyez|menvoie) (plus|pas|jamais)',
      'ne (plus|pas|jamais) (jamais )?(me |m|nous |mécrire|menvoyer|être )?(contacter|écrire|solliciter|relancer|envoyer|déranger|recontacter|recevoir|contactée?|sollicitée?)|ne plus (mécrire|menvoyer)',
      '(arrêtez|cessez|arrête|cesse|stoppez|arrêter)( (de |d)?(me |m|nous )?(contacter|écrire|solliciter|envoyer|spammer|relancer|mécrire|menvoyer))?',
      '((je|nous) )?(ne )?(souhaite|souhaitons|veux|voulons|désire|désirons) (plus|pas|plus jamais) (recevoir|être contactée?|être sollicitée?|de|vos|ces)',
      'plus (de|daucun|aucun) ?(e ?mails?|mails?|messages?|courriels?|contact|newsletters?|publicité)',
    ],
    fills:
      'de des du d à au aux la le les l vos votre cette ce ces toutes toute tous ta tes moi me nous mon mes ma notre nos adresse nom données coordonnées courriel courriels email emails mail mails e message messages demails demail liste listes mailing list diffusion newsletter newsletters lettre dinformation base bases fichier fichiers envoi envois denvoi contact contacts registre publicité pub @ être plus recevoir part votre veuillez bien vouloir pouvez pourriez vous merci prière immédiatement dorénavant svp et désormais dès maintenant aujourdhui spam spams autres dautres avenir lavenir',
  },
  spanish: {
    asks: [
      '(elimin|borr|quit|retir|saqu|sac|suprim|remuev|remov|exclu)(en|e|ar|a|ad|an|er|yan|ya|ir|enme|eme|arme|ame|adme|anme|erme|yanme|irme|ennos|enos|arnos)( (me|nos|ME_ES))? (de|del|ME_ES)|(elimín|bórr|quít|sáqu|retír|remuév|suprím|elimin|borr|quit|saqu|remuev|sac)(enme|eme|ame|anme|ennos|enos|adme|arme)',
      '(me|nos) (eliminen|elimine|elimines|borren|borre|borres|quiten|quite|quites|saquen|saque|saques|retiren|retire|remuevan|remueva)',
      '(den|dé|dar|deis|darse|darme|denme|deme|dame|dadme|darnos|dennos|me den|me dé|me de|me dan|nos den|doy|quiero|solicito|solicito la|la)( me)?( de)? baja|baja|de baja|desuscribir|desuscribirme|cancelar( mi| la)? suscripción|anular( mi| la)? suscripción|cancelen mi suscripción',
      'no (me|nos) (vuelva|vuelvan|vuelvas)? ?(a )?(escriba|escriban|escribas|escribáis|escribir|contacte|contacten|contactes|contactéis|contactar|envíe|envíen|envíes|enviar|mande|manden|mandes|moleste|molesten|molestes)( (más|nunca|de nuevo|otra vez))?',
      'no (vuelva|vuelvan|vuelvas|volváis) a (escribirme|contactarme|enviarme|mandarme|escribirnos|contactarnos|contactar|escribir)',
      '(deje|dejen|deja|dejad|paren|pare|dejar) de (escribirme|contactarme|enviarme|mandarme|molestarme|enviar|mandar|escribir|molestar|escribirnos)',
      'no (quiero|deseo|queremos|deseamos) (más (correos?|e ?mails?|mails?|mensajes?|publicidad)|recibir|seguir recibiendo|que me (escriban|contacten|envíen|manden)|ser contactad(o|a))|no más (correos?|e ?mails?|mensajes?)',
    ],
    fills:
      'de del en a su sus tu tus la las el los lista listas correo correos electrónico electrónicos distribución envío envíos contactos email emails mails mail e base bases datos boletín boletines newsletter registro registros mailing mensaje mensajes publicidad suscripción esta este estas estos vuestra vuestro todas todos mi mis dirección nombre me nos que más recibir @ inmediatamente por favor quiero quisiera deseo solicito pido ruego le les os pueden puede podrían podría y de nuevo spam ya suyos ustedes comunicaciones información',
  },
  italian: {
    asks: [
      '(rimuov|cancell|togl|elimin|disiscriv|esclud)(etemi|atemi|imi|ami|ietemi|eteci|ateci|ermi|armi|erci|arci|imi|etemi)|toglimi|toglietemi|togliermi|(rimuovete|rimuovere|cancellate|cancellare|togliete|togliere|eliminate|eliminare|rimuova|cancelli|tolga|elimini|rimuovi|togli|cancella|elimina) ME_IT|mi (tolga|rimuova|cancelli|elimini|disiscriva|tolgano|rimuovano|cancellino|tolga|rimuoviate|cancelliate)',
      'disiscrizione|disiscrivermi|disiscriversi|disiscrivetemi|disiscrivimi|annulla iscrizione|cancellazione|essere (rimosso|rimossa|cancellato|cancellata|tolto|tolta|eliminato|eliminata|disiscritto|disiscritta)',
      'non (scrivetemi|scrivermi|scrivimi|contattatemi|contattarmi|contattami|inviatemi|inviarmi|inviami|mandatemi|mandarmi|mandami|disturbatemi|disturbarmi)( (più|mai più))?',
      'non (mi|ci) (scriva|scrivete|scrivere|scrivano|contatti|contattate|contattare|contattino|invii|inviate|inviare|mandi|mandate|mandare|disturbi|disturbate)( (più|mai più))?',
      'non (voglio|desidero|vorrei|vogliamo|desideriamo)( più)? (ricevere|essere( più)? contattat(o|a))|non (voglio|desidero|vogliamo|desideriamo) (più|altre)( (altre|vostre))? (e ?mail|mail|comunicazioni)|non (voglio|desidero|vogliamo|desideriamo) (più|altri)( (altri|vostri))? messaggi',
      '(smettete(la)?|smetti(la)?|la smetta|smetta) (di (scrivermi|contattarmi|mandarmi|inviarmi|scrivere|mandare|inviare))|smettetela|smettila|(niente più|basta|basta con le) (e ?mail|mail|messaggi)',
    ],
    fills:
      'dalla dalle dal dai da di del della vostra vostre tua tue sua sue questa queste vostro tuo suo questo tutte tutti le la il lo i lista liste mailing list mailinglist newsletter database elenco elenchi distribuzione contatti archivio archivi più e mail email emails mails messaggi comunicazioni ricevere altre altri mi me il mio mia miei nostro nostra indirizzo nome dati nominativo @ vorrei voglio desidero potete può puoi potreste potrebbe per favore subito immediatamente e chiedo in futuro spam vi prego',
  },
  portuguese: {
    asks: [
      '(remov|retir|exclu|tir|elimin|apagu|apag|descadastr|desinscrev|delet)(am|a|em|e|er|ar|ir|i)( (me|nos|ME_PT)) ?|(me|nos) (remov|retir|exclu|tir|elimin|apagu|descadastr|desinscrev)(am|a|em|e|er|ar|ir|i)|(remover|excluir|retirar|tirar|remova|exclua|retire|tire|removam|retirem) (ME_PT|d[aeo]s?)',
      '(quero|gostaria de|desejo|favor) (sair|ser removid(o|a)|ser retirad(o|a)|ser excluíd(o|a)|descadastrar|me descadastrar)|sair d[aeo]s?|descadastrar|descadastro|descadastramento|remover|cancelar( a)?( minha)? (inscrição|assinatura|subscrição)|anular( a)? subscrição|desinscrever|pare|parem',
      'não (me |nos )?(escrevam?|contactem?|contatem?|enviem?|mandem?|incomodem?|escreva|contacte|contate|envie|mande)( (me|nos))? (mais|nunca mais|novamente|de novo|e ?mails?|mensagens?)',
      'não (quero|desejo|pretendo|queremos|desejamos)( mais)? (receber|ser contactad(o|a)|ser contatad(o|a)|((mais|seus|estes|esses) )?(e ?mails?|mensagens?))',
      '(parem?|deixem?|pare|parar) de (me |nos )?(escrever|enviar|mandar|contactar|contatar|incomodar)',
    ],
    fills:
      'da das do dos de desta dessa deste desse sua suas seu seus vossa vossas tua tuas esta essa todas todos as os a o lista listas mailing email emails e mail mails contatos contactos distribuição envio envios base dados newsletter newsletters cadastro registos registros mensagem mensagens mais novamente receber me nos meu minha meus nosso endereço nome contato contacto @ por favor imediatamente quero gostaria podem pode poderia poderiam em spam comunicações peço que e',
  },
  dutch: {
    asks: [
      '(mij|me|ons|ME_NL)( (graag|alstublieft|aub|a u b|direct|uit|van))?( (uit|van|voor))?( (uw|je|jullie|de|deze|het))?( (lijst|maillijst|mailinglijst|mailinglist|mailing list|nieuwsbrief|bestand|database|verzendlijst|adressenbestand|adressenlijst))? (uit ?schrijven|uit te schrijven|verwijderen|te verwijderen|af ?melden|af te melden|schrappen|halen|te halen|wissen|te schrappen)',
      'schrijf( u)?( (alstublieft|aub|graag))? (mij|me|ons)( (alstublieft|aub|graag))? uit|meld( u)?( (alstublieft|aub|graag))? (mij|me|ons)( (alstublieft|aub|graag))? af|haal( u)?( (alstublieft|aub))? (mij|me|ons|ME_NL)( (alstublieft|aub))? (van|uit|eraf|af|weg)|(verwijder|schrap|wis)( u)?( (alstublieft|aub|graag))? (mij|me|ons|ME_NL)',
      'uit ?schrijven|af ?melden|uitgeschreven worden|verwijderd worden|uitschrijving|afmelding|verwijderen|stoppen|hou op|houd op',
      '(stuur|mail|schrijf|contacteer|benader)( u)?( (mij|me|ons))?( (alstublieft|aub|a u b))? ((niet|nooit) (meer|langer)|geen( (e ?mails?|mails?|berichten|nieuwsbrieven|mailtjes|post))?( (meer|langer))?)',
      '(neem|zoek)( (alstublieft|aub))? geen contact( meer)?( (met )?(mij|me|ons))?( meer)?( op)?',
      '((ik|wij|we) )?(wil|wens|hoef|willen|wensen) (geen|niet)( (langer|meer))?( (e ?mails?|mails?|berichten|nieuwsbrieven))?( meer)?( (te )?(ontvangen|krijgen))|((ik|wij|we) )?(wil|wens|hoef|willen) geen (e ?mails?|mails?|berichten|nieuwsbrieven|contact) meer',
      'geen (e ?mails?|mails?|berichten|mailtjes|contact|post|reclame) meer|niet meer (mailen|schrijven|contacteren|benaderen|lastig ?vallen)|stop met (mij )?(te )?(mailen|schrijven|sturen|benaderen)|stop met het sturen',
    ],
    fills:
      'uit van voor uw je jullie de deze het dit alle lijst lijsten maillijst mailinglijst mailinglist mailing list nieuwsbrief nieuwsbrieven bestand bestanden database verzendlijst adressenlijst adressenbestand distributielijst systeem mij me ons mijn onze adres email emailadres mailadres e mail mails berichten naam gegevens @ meer langer graag u jij te ontvangen op af eraf weg direct per en met spam verder',
  },
  polish: {
    asks: [
      '(mnie )?(usunąć|usunięcie|usuńcie|usuń|wypisać|wypisanie|wypiszcie|wypisz|wykreślić|wykreślenie|wykreślcie|wykreśl|skreślić|skreślenie) (mnie|nas|mojego|mój|moje|moich|adresu?|e ?maila?|danych|dane|z|ze|się|@)|o (usunięcie|wypisanie|wykreślenie)|wypisz|wypisać|wypiszcie|chcę się wypisać|wypisuję się|rezygnuję|(rezygnuję|rezygnacja|zrezygnować|chcę zrezygnować) z( (tej|tych|waszej|państwa|otrzymywania|dalszej|dalszego))? (listy|newslettera|subskrypcji|mailingu|mailing|korespondencji|maili|wiadomości|kontaktu)',
      'nie (pisać|pisz|piszcie|kontaktować|kontaktuj|kontaktujcie|wysyłać|wysyłaj|wysyłajcie|przysyłać|przysyłaj|przysyłajcie)( (się|do|mi|nam))?( (ze|mnie|nas|więcej|już))?( (mną|więcej|już))?',
      'nie (życzę|życzymy) sobie( (więcej|już|dalszych|takich|żadnych|otrzymywania|otrzymywać|dostawać)){0,2} (wiadomości|maili|e ?maili|ofert|kontaktu|korespondencji)|nie chcę( (więcej|już)){0,2} (otrzymywać|dostawać)|nie chcę( (więcej|już|żadnych)){1,2} (wiadomości|maili|e ?maili|ofert)',
      '(przestać|przestańcie|przestań) (do mnie |mi )?(pisać|wysyłać)',
    ],
    fills:
      'z ze od waszej waszych państwa tej tych twojej swojej swoich wszystkich listy list bazy baz danych mailingowej dystrybucyjnej adresowej mailingu newslettera subskrypcji kontaktów mailingowych wysyłkowej mnie mną nas do mi nam się więcej już żadnych kolejnych dalszych takich maili e mail wiadomości ofert otrzymywać otrzymywania kontaktu mojego mój adres adresu @ proszę prosimy o i natychmiast dostawać spamu email',
  },
  swedish: {
    asks: [
      'ta bort (mig|oss|min|vår|mitt|@)|(ta|plocka) (mig|oss|@) bort|(avregistrera|stryk|radera|plocka bort|avanmäl|avprenumerera) (mig|oss|min|mitt|@)|avregistrera|avregistrering|avprenumerera|avanmälan|avsluta( min)? prenumeration(en)?|stopp|sluta',
      '(kontakta|mejla|maila|mail) (mig|oss) (inte|ej|aldrig)|(kontakta|mejla|maila|skriv) (inte|ej|aldrig) (till )?(mig|oss)|skriv (inte|ej|aldrig)( mer| igen)|hör (inte|ej) av (er|dig)',
      'skicka (inte|ej|inga|aldrig)( (fler|mer|flera|mig))?( (fler|mer|flera))?( (mejl|mail|e post|meddelanden))?|(inga|inte|ej) (fler|mer|flera) (mejl|mail|e post|meddelanden|utskick)',
      '((jag|vi) )?(vill|önskar) (inte|ej|slippa)( (längre|ha|få|bli|ta emot))?( (ha|få|bli|ta emot|kontaktad))?( (fler|mer|flera|några))?( (mejl|mail|e post|meddelanden|utskick))|((jag|vi) )?vill inte bli kontaktad',
      '(sluta|upphör) (att |med att )?(mejla|maila|skriva|skicka|kontakta)',
    ],
    fills:
      'från ur av i er ert era din ditt den det denna de här alla lista listan listor listorna maillista maillistan mejllista mejllistan e post postlista postlistan epostlista sändlista sändlistan utskickslista utskickslistan utskick utskicken register registret nyhetsbrev nyhetsbrevet databas databasen mig oss till igen mer längre fler flera mejl mail meddelanden omgående min adress @ mejladress postadress nu och framöver email',
  },
  danish: {
    asks: [
      '(fjern|slet|afmeld|frameld|afmelde|framelde|fjerne|slette) (mig|os|min|mit|@)|tag (mig|os) (af|fra|væk|ud af)|afmeld|frameld|afmelding|framelding|(afmeldes|frameldes|slettes|fjernes)',
      '(kontakt|skriv|mail|send)( (mig|os|til))?( (mig|os))? (ikke|aldrig)( (til mig|mig|os))?( (igen|mere|længere|flere))?( (mails?|e ?mails?|beskeder))?|skriv ikke( til mig)?( mere| igen)?|send ikke( mig)?( flere| mere)( mails?| e ?mails?| beskeder)?|lad være med at (skrive|maile|sende|kontakte)',
      '(ingen|ikke) (flere|yderligere) (mails?|e ?mails?|beskeder|henvendelser)',
      '((jeg|vi) )?(ønsker|vil) (ikke|ingen)( (længere|at|have|modtage|gerne))?( (at|have|modtage|høre|kontaktes))?( (have|modtage|høre))?( (flere|mere))? (mails?|e ?mails?|beskeder|henvendelser|kontaktes|fra)',
      '(stop|hold op) (med at|med) (skrive|maile|sende|kontakte)',
    ],
    fills:
      'fra af på jeres din dit deres den det denne alle liste listen lister mailliste maillisten mailingliste mailinglisten maillister e nyhedsbrev nyhedsbrevet database databasen kartotek register system her distributionsliste mig os til igen mere længere flere mail mails email emails beskeder min adresse mailadresse @ nu straks og fremover dig jer',
  },
  norwegian: {
    asks: [
      '(fjern|slett|avmeld|stryk|fjerne|slette|avmelde) (meg|oss|min|mitt|@)|(meld|ta) (meg|oss) (av|bort)|melde meg av|avmeld|avmelding|avmelde|(meldes av|avmeldes|slettes|fjernes|bli fjernet|bli slettet)|stopp|slutt',
      '(kontakt|skriv|mail|send)( (meg|oss|til))?( (meg|oss))? (ikke|aldri)( (til meg|meg|oss))?( (igjen|mer|lenger|flere))?( (e ?poster|e ?post|mails?|meldinger))?|(ikke|aldri) (kontakt|mail|skriv til|send) (meg|oss)( (igjen|mer|flere))?( (e ?poster|e ?post|mails?|meldinger))?|ikke (ta )?(mer )?kontakt( med meg)?|ta ikke kontakt|ikke send( flere| mer)',
      '(ingen|ikke) flere (e ?poster|e ?post|mails?|meldinger|henvendelser)',
      '((jeg|vi) )?(ønsker|vil) (ikke|ingen)( (lenger|å|ha|motta|bli))?( (å|ha|motta|høre|bli))?( (ha|motta|høre|kontaktet))?( (flere|mer))? (e ?poster|e ?post|mails?|meldinger|henvendelser|kontaktet|fra)',
      '(slutt|stopp) (med )?(å )?(skrive|maile|sende|kontakte)',
    ],
    fills:
      'fra av på deres din ditt den det denne alle e post epost poster eposter liste listen lista lister listene mailliste maillisten postliste postlisten epostliste epostlisten adresselisten utsendelseslisten nyhetsbrev nyhetsbrevet database databasen register registeret system meg oss til igjen mer lenger flere mail mails meldinger noen gang min adresse adressen @ nå straks og fremover deg dere',
  },
  finnish: {
    asks: [
      '(poista|poistakaa|poistattehan|poistaisitteko) (minut|osoitteeni|tietoni|sähköpostini|@)|haluan (poistua|erota)|peruuta tilaus|peru tilaus|lopettakaa|lopeta',
      '(älkää|älä) (lähettäkö|lähetä|ottako|ota|kirjoittako|kirjoita)|en halua (enää |saada |vastaanottaa )?(viestejä|sähköpostia|sähköposteja|saada|vastaanottaa)',
    ],
    fills:
      'postituslistalta postituslistaltanne listalta listaltanne rekisteristä rekisteristänne teidän enää minulle minuun yhteyttä viestejä sähköpostia sähköposteja enempää lisää tältä kaikilta listoilta',
  },
  czech: {
    asks: [
      '(odhlaste|odhlásit|odhlaš|odhláste|odhlásiť|odstraňte|odstranit|odstráňte|vyřaďte|vyřadit|vyraďte|vymažte|smažte) (mě|mne|ma|mi|se|sa|nás|moji|moju|adresu|@)|odhlásit|odhlásiť|odhlášení|odhlásenie|odhlaste',
      '(nepište|nekontaktujte|neposílejte|neposielajte|nezasílejte)( (mi|mne|mě|ma|nám|už|více|viac|znovu|další|ďalšie|žádné)){0,3}|nechci (už )?(dostávat|další)( (další|žádné|vaše))?',
    ],
    fills:
      'mi mne mě ma nám už více viac znovu další ďalšie žádné žiadne e maily mail maily zprávy správy ze z zo seznamu zoznamu vašeho vášho databáze databázy odběru odberu mailing listu adresu dostávat',
  },
  hungarian: {
    asks: [
      'leiratkozás|leiratkozom|leiratkoznék|(töröljenek|töröljön|vegyenek le|vegyen le|távolítsanak el)|ne (írjanak|írjon|keressenek|küldjenek|küldjön)',
    ],
    fills:
      'a az engem listáról levelezőlistáról címemet adatbázisból adatbázisukból listájukról nekem többet több e mailt levelet',
  },
  romanian: {
    asks: [
      'dezabonare|dezabonați mă|mă dezabonez|vreau să mă dezabonez|(ștergeți|scoateți|eliminați) (mă|adresa)|nu (mă|îmi|mi)( mai)? (contactați|scrieți|trimiteți)',
    ],
    fills: 'din de pe lista listă baza date dumneavoastră voastră noastră mea e mailuri mesaje vă',
  },
  turkish: {
    asks: [
      '(listenizden|listeden|listesinden|listelerinizden|veritabanınızdan) (çıkmak|ayrılmak) (istiyorum|istiyoruz)|(listenizden|listeden|listesinden|listelerinizden|veritabanınızdan) (beni |bizi |adresimi )?(çıkarın|çıkartın|çıkarınız|silin|siliniz|çıkarır mısınız|kaldırın)|abonelikten (çık|çıkmak istiyorum|çıkar|ayrıl)|üyelikten (çık|çıkmak istiyorum)|(bana|bir daha|artık) (yazmayın|e posta göndermeyin|mail atmayın|mail göndermeyin|ulaşmayın)',
    ],
    fills: 'beni bizi adresimi bana bir daha artık e posta mail mailing bu gönderim lütfen',
  },
  greek: {
    asks: [
      'διαγραφή|απεγγραφή|κατάργηση εγγραφής|(διαγράψτε|αφαιρέστε|βγάλτε) με|μην? (μου|με) (ξαναστείλετε|στέλνετε|στείλετε|ξαναγράψετε|ενοχλείτε)|μην επικοινωνήσετε',
    ],
    fills: 'από τη την τις λίστα λίστες σας μου ξανά άλλα μηνύματα πια μαζί e mail mails emails',
  },
  russian: {
    asks: [
      '(отпишите|отписать|удалите|удалить|уберите|убрать|исключите|исключить|вычеркните) (меня|нас|мой|мою|адрес|@)|отписаться|отписка|отпишите|отказ от рассылки|отказываюсь от рассылки|стоп',
      '(никогда |больше )?не (пишите|пиши|присылайте|отправляйте|шлите|беспокойте|связывайтесь)( (мне|нам|больше|меня|со мной))?( (больше|писем|письма))?|не надо (мне )?(больше )?(писать|присылать)',
      '(прекратите|перестаньте)( (мне))? (присылать|писать|слать|отправлять|рассылку)|не хочу (больше )?получать',
    ],
    fills:
      'меня нас мой мою адрес почту данные @ из от с вашей вашего этой рассылки рассылок рассылку списка базы данных подписки мне нам больше писем письма сообщений сообщения спам ваши эти хочу все всех',
  },
  ukrainian: {
    asks: [
      '(відпишіть|видаліть|приберіть|виключіть) (мене|нас|мою)|відписатися|відписка|не (пишіть|надсилайте|турбуйте)( (мені|мене|більше))?|стоп',
    ],
    fills: 'мене мені більше з із від вашої розсилки списку бази мою адресу листи листів',
  },
  chinese: {
    asks: [
      '(请|請|麻烦|麻煩|我要|我想|申请|申請)?(您|你)?(帮我|幫我|给我|給我|为我|為我)?(退订|退訂|取消订阅|取消訂閱|取消订閱|退出订阅|退出訂閱|td)(此|该|該|这个|這個|你们的|你們的)?(邮件|郵件|电子邮件|電子郵件|订阅|訂閱|列表)?(谢谢|謝謝|了|吧)?',
      '(请|請|麻烦|麻煩)?(您|你|你们|你們|贵公司|貴公司)?(立即|马上|馬上)?(把|将|將)?(我|我的邮箱|我的郵箱|我的邮件地址|我的地址|本人)?(从|從|在)?(您|你|你们|你們|贵公司|貴公司)?(的)?(这个|這個|此|该)?(邮件|郵件|邮寄|郵寄|发送|發送|收件人|邮件发送)?(列表|名单|名單|清单|清單|数据库|資料庫)(中|里|裡|上)?(删除|刪除|移除|去掉|移出|剔除)(我|我的邮箱)?(谢谢|謝謝)?',
      '(我|本人)?(不想|不愿|不願|不希望|不要)(再|继续|繼續)?(收到|接收|接到)(您的|你们的|你們的|贵公司的|貴公司的|任何|此类|此類|这些|這些)?(邮件|郵件|电子邮件|電子郵件|信息|广告|廣告)(了)?(谢谢|謝謝)?',
      '(请|請)?(删除|刪除|移除)(我|我的邮箱|我的郵箱|我的地址|我的信息|我的資料)(谢谢|謝謝)?',
      '(请|請|麻烦|麻煩)?(您|你|你们|你們)?(以后|以後|今后|今後)?(不要|别|別|勿|停止|不要再|别再|別再|勿再|请勿再|請勿再|请勿|請勿)(再|继续|繼續)?(给我|給我|向我|对我|跟我|与我|與我)?(发送|發送|发|發|寄|联系|聯繫|聯絡|联络|来信|來信|打扰|打擾|骚扰|騷擾)(我|给我|給我)?(任何|此类|此類|这类|這類|这些|這些)?(邮件|郵件|电子邮件|電子郵件|信息|信|广告|廣告)?(给我|給我)?(了|啦)?(谢谢|謝謝)?',
    ],
    fills: '',
  },
  japanese: {
    asks: [
      '(今後の|以後の|こちらの|この|貴社の|御社の)?(メール|メールマガジン|メルマガ|広告|営業メール)?(の)?(ご)?(配信|送信|購読|登録|受信)(の)?(を)?(停止|解除|中止|取消|取り消し|拒否|不要)(を)?(希望|お願い|依頼)?(を)?(し|いたし|致し)?(ます|てください|て下さい|してください|して下さい|してほしいです|お願いします|お願いいたします|お願い致します|です|ください|下さい)?',
      '(この|これらの|今後の|こちらの)?メール(を)?(停止して|止めて|やめて)(ください|下さい)',
      '(退会|配信停止|解約)(希望|したい|を希望)?(し|いたし|致し)?(ます|です|お願いします|をお願いします|をお願いいたします)?',
      '(私を|私の(アドレス|メールアドレス)を|メールアドレスを|アドレスを)?(この|貴社の|御社の|配信)?(メーリング)?(リスト|名簿|データベース|配信先)(から|より)(を)?(私を|私のアドレスを)?(削除|外|除外|抹消)(し)?て?(ください|下さい|いただけますか|ほしいです|お願いします|をお願いします|をお願いいたします|いただきたいです)?',
      '(今後|今後は|以後|もう|二度と|これ以上)?(の)?(この|こちらに|私に|当方に|弊社に)?(よう)?(な)?(メール|連絡|ご連絡|営業|営業メール|広告)?(は|を|して|の送信は|の送信を)?(送らないで|しないで|送ってこないで|送信しないで|やめて|止めて|お控え|不要|結構|ご遠慮|遠慮)(ください|下さい|です|いただけますか|願います|いただきたいです)',
    ],
    fills: '',
  },
  korean: {
    asks: [
      '(수신 ?거부|구독 ?취소|구독 ?해지|수신 ?차단)( ?(합니다|해 ?주세요|바랍니다|부탁드립니다|요청|요청합니다|할게요|신청))?',
      '(저를 |제 (이메일 주소|메일 주소|이메일|메일|주소)(을|를)? |제 이메일 주소를 )?(메일링 ?|이메일 ?|발송 ?|귀사 ?)?(리스트|목록|명단|데이터베이스)(에서) (삭제|제외|제거|빼)( ?(해 ?주세요|해 ?주십시오|바랍니다|부탁드립니다|주세요))?',
      '(저에게 |제게 )?((이메일|메일|연락)(을|를)? )?(보내지|하지|연락하지) (마세요|말아 ?주세요|마십시오|말아 주십시오)',
      '((이메일|메일|연락)(을|를|은)? )?그만 (보내세요|보내 ?주세요|보내십시오|하세요|해 ?주세요)',
    ],
    fills: '더 이상 더이상 다시는 앞으로 이제',
  },
  vietnamese: {
    asks: [
      'hủy đăng ký|ngừng đăng ký|bỏ đăng ký|(xóa|gỡ)( tên)? tôi|(đừng|ngừng|dừng) (gửi|liên hệ|email)|không gửi (email|thư) (nữa|cho tôi nữa)',
    ],
    fills: 'nhận email thư tin này khỏi ra danh sách của bạn cho tôi nữa thêm với',
  },
  indonesian: {
    asks: [
      'berhenti berlangganan|batal berlangganan|berhenti (mengirim|menghubungi)|(hapus|keluarkan) (saya|alamat|email|nama)|jangan (kirim|hubungi|menghubungi|mengirim)',
    ],
    fills: 'saya alamat email nama dari daftar milis anda ini lagi ke',
  },
  arabic: {
    asks: [
      '(الغاء|إلغاء) (الاشتراك|اشتراكي)|احذفني|احذفوني|ازالتي|إزالتي|ازيلوني|أزيلوني|(لا|عدم) (تراسلني|تراسلوني|مراسلتي|تتواصل معي|تتواصلوا معي|الاتصال بي)|لا (ترسل|ترسلوا)( لي)? (رسائل|المزيد|بريدا)',
    ],
    fills:
      'من في القائمة قائمتكم قائمتك البريدية قائمة البريد بريدكم هذه لي مرة اخرى أخرى بعد الان مجددا رسائل المزيد',
  },
  hebrew: {
    asks: [
      '(הסירו|הסר|הסירי|להסיר|תסירו|מחקו|תמחקו|הורידו) (אותי|אותנו|את)|הסרה|אל (תשלחו|תכתבו|תפנו)|לא (לשלוח|לפנות)',
    ],
    fills:
      'אותי אותנו את הכתובת שלי מרשימת מהרשימה מרשימה התפוצה תפוצה הדיוור שלכם לי אלי אליי יותר עוד הודעות מיילים שוב',
  },
  thai: {
    asks: [
      '(กรุณา|ขอ|โปรด)?(ยกเลิกการรับข่าวสาร|ยกเลิกการสมัคร|ยกเลิกการสมัครรับข่าวสาร|ยกเลิกการรับอีเมล|หยุดส่งอีเมล|หยุดส่ง|อย่าส่งอีเมลมาอีก|ลบฉันออกจากรายชื่อ|ลบชื่อฉันออกจากรายชื่อ)(ครับ|ค่ะ|คะ|ด้วยครับ|ด้วยค่ะ)?',
    ],
    fills: '',
  },
}

/** Polite words without content, in all languages: greetings, thanks, "no thanks". None of them asks for anything. */
export const POLITE: string[] = [
  'please|pls|plz|kindly|now|immediately|at once|asap|right now|right away|today|again|sorry|ok|okay|and|also',
  '((many|much) )?(thanks|thank you|thank u|thankyou|thx|ty)( (so|very) much| a lot| a million| again| in advance| anyway| though| for your (time|understanding|help|cooperation|consideration))?|(much )?appreciated|(i )?appreciate it|cheers|thanks but( no thanks| no)?',
  '(sorry )?((you|you have|youve|you have got|youve got) (got )?)?(the )?wrong (person|contact|address)|(sorry )?(i am|im|this is|we are|were) not the (right|correct) (person|contact|address)',
  '(i|we) (have |had )?(already )?(asked|told|requested)( you)?( (already|before|twice|to)){0,2}|(under|per|as per|according to)( the)? (gdpr|ccpa)|gdpr( request)?|(i|we) (hereby )?(request|demand|ask) that you',
  'no /|no please|nope|no( /)? thanks?( you)?|but no( thanks?( you)?)?|not for (me|us)|((im|i am|we are|were|sorry im|sorry) )?(really )?(not|no longer) interested( (at all|anymore|any more|in (this|that|it|your (offer|offers|service|services|product|e ?mails?|proposal))))?|never interested',
  '(this|it|that) is (just |only )?(spam|unsolicited|unwanted|annoying|not relevant( (to|for) (me|us))?)|spam|enough( already| is enough)?',
  '((i|we) )?(did not|didnt|do not|dont|never|have never)( ever)? (signed up|sign up|subscribed|subscribe|asked|ask|opted in|opt in|requested|consented) (for|to)( (this|these|it|your|any))?( (list|e ?mails?|mails?|newsletter))?',
  '(can|could|would|will) you|(i|we) (really )?(want|wish|would like|need|ask|request|demand|prefer|hereby request)( you)?( to| that)?|(id|wed) (like|prefer|appreciate)( you)?( to)?|(i|we) would (appreciate|be grateful|prefer)( it)?( if)?( you)?( could| would)?|would be (great|appreciated)|would appreciate being|if (possible|you could|you please)|make sure( to| you)?|be sure to|go ahead and|just|hereby|but',
  '((kind|best|warm|many) )?(regards|wishes)|sincerely( yours)?|yours( (truly|sincerely|faithfully))?|best|br|have a (nice|good|great|lovely) (day|one|weekend|week)|good luck|all the best|take care|respectfully',
  '(hi|hello|hey|dear|greetings|good (morning|afternoon|evening|day))( (there|all|team|sir|madam|sir or madam|sir madam|sirs|everyone|folks|guys))?|to whom it may concern',
  'as (previously )?requested|for the (second|third|last|2nd|3rd) time|(this is )?(my|the)? ?(second|third|last|final|2nd|3rd) (request|time|notice|warning)',
  'bitte|danke( (schön|sehr|vielmals|im voraus))?|dankeschön|vielen dank( im voraus)?|besten dank|herzlichen dank|nein( danke)?|kein interesse|(ich habe|wir haben) kein interesse( daran)?|(bin |sind )?(nicht|nicht mehr) interessiert|kein bedarf|das ist spam|es reicht|genug|(ich|wir) (möchte|möchten|will|wollen|wünsche|wünschen|würde gern|würde gerne)|(möchte|möchten) (ich|wir)',
  '(hallo|guten (tag|morgen|abend)|moin|servus|grüß gott|sehr geehrte damen und herren|sehr geehrte(r|s)?( (herr|frau|team))?|liebes team)( zusammen)?',
  '(mit )?(freundlichen|freundliche|besten|beste|vielen|viele|herzlichen|herzliche|schönen|schöne|liebe)( und)? (grüßen|grüße|gruß)|mfg|lg|vg|gruß|grüße|(können|könnten|würden) sie|(kannst|könntest) du|(könnt|könntet) ihr|ich (bitte|ersuche)( sie)?|wir bitten( sie)?|vielen',
  'merci( (beaucoup|bien|davance|par avance))?( de)?|(s ?il|sil) (vous|te) plait|svp|stp|bonjour|bonsoir|madame|monsieur|(bien )?cordialement|bien à vous|cdt|cdlt|salutations|sincères salutations|bonne (journée|soirée)|non /|non merci|pas intéressée?|(je ne suis |nous ne sommes )?pas (du tout )?intéressée?s?|je (vous )?(prie|demande|saurais gré)( de)?|prière de|(je|nous) (souhaite|souhaitons|voudrais|voudrions|veux|voulons|désire|désirons|aimerais|demande)|vous prie de|ça ne mintéresse pas|ça suffit|assez',
  'por favor|basta( ya)?|gracias( (de antemano|por todo))?|muchas gracias|hola|buen(as|os)? (días|tardes|noches|día)|estimad(o|a|os|as)( (señor|señora|señores))?|(un )?(cordial )?saludos?( cordial(es)?)?|atentamente|no( /)? gracias|no (me|nos) interesa|no (estoy|estamos) interesad(o|a|os|as)|(le|les|os|te) (ruego|pido|agradecería|agradeceré)( que)?|se lo agradezco|favor( de)?',
  'per (favore|cortesia|piacere)|basta( così)?|grazie( (mille|in anticipo|infinite))?|molte grazie|salve|ciao|buon ?giorno|buona ?sera|gentil(e|i|issimi)( (signore|signora|signori))?|(cordiali|distinti) saluti|saluti|no( /)? grazie|non (mi|ci) interessa|non (sono|siamo) interessat(o|a|i)|(vi|la|ti) (prego|chiedo)( di)?|le chiedo( di)?|si prega( di)?|chiedo( di)?|gradirei|prego',
  'por gentileza|basta|chega|obrigad(o|a)( desde já)?|muito obrigad(o|a)|grat(o|a)|olá|oi|bom dia|boa (tarde|noite)|prezad(o|a|os|as)( (senhor|senhora|senhores))?|atenciosamente|att|(com os melhores )?cumprimentos|abraços?|não obrigad(o|a)|não /|não (tenho|temos) interesse|não (me|nos) interessa|(eu )?(gostaria|peço|solicito)( (de|que))?',
  'graag|gelieve|alstublieft|alsjeblieft|a ?u ?b|a ?j ?b|dank (u|je)( wel)?|bedankt|alvast bedankt|hartelijk dank|bvd|hoi|beste( (heer|mevrouw|heer mevrouw))?|geachte( (heer|mevrouw|heer of mevrouw|heer mevrouw))?|goede(n)? ?(dag|morgen|middag|avond)|(met )?vriendelijke groet(en)?|groet(en|jes)?|mvg|nee( dank (u|je)( wel)?| bedankt)?|geen (interesse|belangstelling)|genoeg|niet geïnteresseerd|(kunt|wilt|zou|zoudt) u|(kun|wil|zou) je|(kunnen|willen|zouden) jullie|ik (wil|wens|zou)( (graag|me|mij))?',
  '(uprzejmie |bardzo )?(proszę|prosimy)( o)?|dziękuję( (bardzo|z góry))?|dziękujemy|dzięki|z góry dziękuję|dzień dobry|witam|cześć|szanown(y|a|i)( (panie|pani|państwo))?|pozdrawiam|z poważaniem|nie /|nie (dziękuję|dzięki)|nie jestem zainteresowan(y|a)|nie jesteśmy zainteresowani|koniec|dość',
  'tack( (så mycket|på förhand))?|vänligen|snälla|var (så )?(vänlig|snäll)( och)?|hej( hej)?|hejsan|god (morgon|dag|kväll)|goddag|mvh|(med )?vänliga? hälsning(ar)?|hälsningar|nej( tack)?|((jag är|vi är) )?(inte|ej) intresserad(e)?|inget intresse|kan (du|ni)|skulle (du|ni) kunna|(jag|vi) (vill|önskar|vill gärna)',
  'tak( (for det|på forhånd))?|mange tak|venligst|vær (så )?(venlig|sød)( (at|og))?|(med )?venlige? hilsen(er)?|vh|hilsen|kh|nej tak|((jeg er|vi er) )?ikke interesseret|kan (i|du)|vil (i|du)|(jeg|vi) (vil|ønsker)( gerne)?|god morgen',
  'takk( (for det|på forhånd))?|tusen takk|mange takk|vennligst|vær (så )?(snill|vennlig)( (å|og))?|hei|god kveld|(med )?vennlig hilsen|nei( takk)?|((jeg er|vi er) )?ikke interessert|kan dere|vil dere|(jeg|vi) (vil|ønsker)( gjerne)?',
  'kiitos( paljon)?|moi|terve|(ystävällisin )?terveisin|ei kiitos|en ole kiinnostunut|pyydän|pyydämme|olkaa hyvä|ystävällisesti',
  'prosím( vás)?|děkuji( předem)?|díky|ďakujem|dobrý (den|deň)|ahoj|s pozdravem|ne děkuji|nemám zájem|nemáme zájem',
  'kérem( szépen)?|köszönöm( szépen)?|köszönettel|üdvözlettel|jó napot( kívánok)?|tisztelt( (cím|hölgyem|uram))?|nem köszönöm|nem érdekel',
  'vă rog( frumos)?|mulțumesc( (mult|anticipat))?|mersi|bună( (ziua|seara))?|salut|cu stimă|nu mulțumesc|nu sunt interesată?',
  'lütfen|teşekkür(ler| ederim| ederiz)?|merhaba|selam|iyi günler|günaydın|saygılarımla|sayın( yetkili)?|hayır teşekkürler|ilgilenmiyorum|ilgilenmiyoruz',
  'παρακαλώ|ευχαριστώ( πολύ)?|καλημέρα|καλησπέρα|γεια( σας)?|με εκτίμηση|όχι ευχαριστώ|δεν ενδιαφέρομαι',
  'пожалуйста|(я )?прошу( вас)?|спасибо( (большое|заранее))?|здравствуйте|добрый (день|вечер)|доброе утро|привет|с уважением|нет( спасибо)?|(мне )?(это )?не интересно|не интересует|немедленно|будьте добры|и',
  'будь ласка|прошу( вас)?|дякую|доброго дня|добрий день|вітаю|з повагою|ні дякую|не цікавить',
  '谢谢(您|你)?|謝謝(您|你)?|感谢|感謝|多谢|您好|你好|请|請|不用了|不用了谢谢|不感兴趣|不感興趣|不需要|不需要谢谢|打扰了',
  '(大変)?お世話になっております|お世話になります|ありがとうございま(す|した)|(何卒)?(よろしく|宜しく)お願い(し|いたし|致し)ます|お疲れ様です|こんにちは|はじめまして|以上|恐れ入りますが|恐縮ですが|申し訳ございませんが|すみませんが|失礼(いた)?します|結構です|興味が?ありません|今後|今後は',
  '감사합니다|안녕하세요|고맙습니다|부탁드립니다|제발|관심 ?없습니다|괜찮습니다',
  'xin|vui lòng|làm ơn|cảm ơn( (bạn|nhiều))?|xin chào|chào( bạn)?|trân trọng|không cảm ơn',
  'mohon|tolong|silakan|terima kasih( banyak)?|halo|selamat (pagi|siang|sore|malam)|hormat saya|salam|tidak terima kasih|tidak tertarik',
  'شكرا( (جزيلا|لك|لكم))?|من فضلك|من فضلكم|رجاء|الرجاء|يرجى|مرحبا|السلام عليكم|تحياتي|مع التحية|لا شكرا|غير مهتم|لست مهتما',
  'בבקשה|תודה( רבה)?|שלום|בברכה|היי|לא תודה|לא מעוניין|לא מעוניינת|אנא|נא',
  'ขอบคุณ(ครับ|ค่ะ)?|สวัสดี(ครับ|ค่ะ)?|กรุณา',
]

/** What stands in the patterns above for a part that many of them share. */
export const PARTS: Record<string, string> = {
  ME_EN,
  DATA_EN,
  MAILS_EN,
  ME_DE:
    '(mich|uns|meine (adresse|e ?mail|e ?mail adresse|mailadresse|mail adresse|daten|kontaktdaten)|meinen (namen|kontakt)|diese (adresse|e ?mail adresse)|unsere (adresse|e ?mail adresse|daten)|@)',
  ME_FR:
    '((mon|mes|ma|notre|nos|cette) (adresse|adresse e ?mail|adresse mail|e ?mail|mail|nom|données|coordonnées|courriel|contact)|@)',
  ME_ES:
    '((mi|mis|nuestro|nuestra|esta|este) (correo|correo electrónico|dirección|dirección de correo|e ?mail|mail|nombre|datos)|@)',
  ME_IT:
    '((il |la |i )?(mio|mia|miei|nostro|nostra) (indirizzo|indirizzo e ?mail|e ?mail|mail|nome|dati|nominativo|contatto)|@)',
  ME_PT:
    '((o |a |os )?(meu|minha|meus|nosso|nossa|este) (e ?mail|endereço|endereço de e ?mail|nome|contato|contacto|dados|cadastro)|@)',
  ME_NL: '((mijn|ons|onze|dit|deze) (adres|e ?mail|e ?mailadres|e ?mail adres|mailadres|naam|gegevens)|@)',
}
