package thread

// Phrases of mail clients, in lower case. The tables are read-only.

// label is the meaning of a header line.
type label uint8

const (
	noLabel label = iota
	labelFrom
	labelDate
	labelTo
	labelCc
	labelSubject
	labelOther
)

// labels are the names of header lines as clients translate them: English, German,
// French, Spanish, Italian, Portuguese, Dutch, Polish, Swedish, Norwegian, Danish,
// Finnish, Czech, Russian, Ukrainian, Turkish, Greek, Hungarian, Romanian, Japanese,
// Chinese, Korean, Vietnamese, Arabic, Hebrew.
var labels = map[string]label{
	"from": labelFrom, "von": labelFrom, "de": labelFrom, "da": labelFrom, "van": labelFrom, "od": labelFrom, "från": labelFrom,
	"fra": labelFrom, "lähettäjä": labelFrom, "от": labelFrom, "от кого": labelFrom, "від": labelFrom, "від кого": labelFrom,
	"kimden": labelFrom, "gönderen": labelFrom, "από": labelFrom, "feladó": labelFrom, "de la": labelFrom, "差出人": labelFrom,
	"送信者": labelFrom, "发件人": labelFrom, "寄件者": labelFrom, "寄件人": labelFrom, "發件人": labelFrom, "보낸 사람": labelFrom,
	"보낸사람": labelFrom, "từ": labelFrom, "người gửi": labelFrom, "من": labelFrom, "מאת": labelFrom, "expéditeur": labelFrom,
	"remitente": labelFrom, "mittente": labelFrom, "absender": labelFrom, "nadawca": labelFrom, "sender": labelFrom,

	"sent": labelDate, "date": labelDate, "gesendet": labelDate, "datum": labelDate, "envoyé": labelDate, "envoyé le": labelDate,
	"enviado": labelDate, "enviado el": labelDate, "enviada em": labelDate, "enviado em": labelDate, "fecha": labelDate,
	"inviato": labelDate, "data": labelDate, "verzonden": labelDate, "wysłano": labelDate, "wysłane": labelDate, "skickat": labelDate,
	"sendt": labelDate, "dato": labelDate, "lähetetty": labelDate, "päivämäärä": labelDate, "päiväys": labelDate, "odesláno": labelDate,
	"отправлено": labelDate, "дата": labelDate, "надіслано": labelDate, "gönderildi": labelDate, "tarih": labelDate,
	"στάλθηκε": labelDate, "ημερομηνία": labelDate, "elküldve": labelDate, "dátum": labelDate, "trimis": labelDate,
	"送信日時": labelDate, "日付": labelDate, "日時": labelDate, "发送时间": labelDate, "日期": labelDate, "寄件日期": labelDate,
	"傳送時間": labelDate, "보낸 날짜": labelDate, "날짜": labelDate, "đã gửi": labelDate, "ngày": labelDate, "تاريخ الإرسال": labelDate,
	"التاريخ": labelDate, "تم الإرسال": labelDate, "נשלח": labelDate, "תאריך": labelDate,

	"to": labelTo, "an": labelTo, "à": labelTo, "a": labelTo, "para": labelTo, "aan": labelTo, "do": labelTo, "till": labelTo,
	"til": labelTo, "vastaanottaja": labelTo, "komu": labelTo, "pro": labelTo, "кому": labelTo, "kime": labelTo, "alıcı": labelTo,
	"προς": labelTo, "címzett": labelTo, "către": labelTo, "宛先": labelTo, "收件人": labelTo, "收件者": labelTo, "받는 사람": labelTo,
	"받는사람": labelTo, "đến": labelTo, "tới": labelTo, "إلى": labelTo, "אל": labelTo, "per": labelTo, "destinatario": labelTo,

	"cc": labelCc, "kopie": labelCc, "copie à": labelCc, "cópia": labelCc, "kopia": labelCc, "kopi": labelCc, "kopio": labelCc,
	"копия": labelCc, "копія": labelCc, "bilgi": labelCc, "κοιν": labelCc, "másolatot kap": labelCc, "抄送": labelCc, "副本": labelCc,
	"참조": labelCc, "نسخة": labelCc, "עותק": labelCc, "dw": labelCc, "dk": labelCc,

	"subject": labelSubject, "betreff": labelSubject, "objet": labelSubject, "asunto": labelSubject, "oggetto": labelSubject,
	"assunto": labelSubject, "onderwerp": labelSubject, "temat": labelSubject, "ämne": labelSubject, "emne": labelSubject,
	"aihe": labelSubject, "předmět": labelSubject, "тема": labelSubject, "konu": labelSubject, "θέμα": labelSubject, "tárgy": labelSubject,
	"subiect": labelSubject, "件名": labelSubject, "主题": labelSubject, "主題": labelSubject, "主旨": labelSubject, "제목": labelSubject,
	"chủ đề": labelSubject, "tiêu đề": labelSubject, "الموضوع": labelSubject, "נושא": labelSubject, "sujet": labelSubject,

	"reply-to": labelOther, "antwort an": labelOther, "répondre à": labelOther, "importance": labelOther, "attachments": labelOther,
	"bcc": labelOther, "organization": labelOther, "priority": labelOther,
}

// wroteWords end, or occur in, the line before a quotation.
var wroteWords = []string{
	" wrote", " writes", " said", "schrieb", "geschrieben", " écrit", "a ecrit", "escribió", "escribio", "ha scritto", "scrisse",
	" escreveu", "schreef", "geschreven", "napisał", "napisal", " pisze", " skrev", "kirjoitti", "napsal", " píše", "пишет", "писал",
	"написал", "пише", "написав", "yazdı", "έγραψε", "írta", " a scris", "書きました", "のメール", "さんは", "写道", "寫道", "님이 작성",
	"작성:", "đã viết", " viết", "كتب", "כתב", "zitat von", "quoting ", "citando ", "citat ", "citation de",
}

// openings begin a line before a quotation, which may continue on the next line.
var openings = []string{
	"on ", "am ", "le ", "el ", "il ", "em ", "no dia ", "op ", "w dniu ", "dnia ", "den ", "på ", "dne ", "po ", "út ", "st ", "čt ",
	"pá ", "so ", "ne ", "ma ", "ti ", "ke ", "to ", "pe ", "la ", "su ", "στις ", "în ", "pe data ", "vào ", "lúc ", "في ", "بتاريخ ",
	"בתאריך ", "ב-", "пн", "вт", "ср", "чт", "пт", "сб", "вс", "нд", "quoting ", "zitat von ", "på ", "tor", "fre", "man", "ons",
}

// separatorWords occur between dashes above an original message.
var separatorWords = []string{
	"original", "ursprüngliche", "nachricht", "origine", "messaggio", "mensaje", "mensagem", "bericht", "wiadomość", "meddelande",
	"melding", "besked", "meddelelse", "viesti", "zpráva", "сообщение", "повідомлення", "ileti", "mesaj", "μήνυμα", "üzenet",
	"メッセージ", "邮件", "郵件", "메시지", "원본", "thư", "رسالة", "الرسالة", "הודעה", "forwarded", "message", "transféré", "weitergeleitet",
	"reenviado", "inoltrato", "encaminhada", "doorgestuurd",
}

// forwardLines introduce a forwarded message without dashes.
var forwardLines = []string{
	"begin forwarded message", "anfang der weitergeleiteten", "début du message transféré", "début du message réexpédié",
	"inicio del mensaje reenviado", "inizio messaggio inoltrato", "início da mensagem", "begin doorgestuurd bericht",
	"początek przekazywanej wiadomości", "vidarebefordrat brev", "videresendt", "välitetty viesti", "začátek přeposlané zprávy",
	"начало переадресованного сообщения", "початок перенаправленого", "iletilen mesaj", "αρχή προωθημένου", "továbbított levél",
	"转发的邮件", "轉寄的郵件", "転送されたメッセージ", "開始轉寄", "전달된 메시지", "בתחילת ההודעה", "بداية الرسالة",
}

// mobileLines are signatures that phones and clients add.
var mobileLines = []string{
	"sent from my ", "sent from outlook", "sent from mail for", "sent from yahoo", "sent from proton", "get outlook for", "sent via ",
	"sent using ", "von meinem ", "gesendet von", "von meinem iphone", "envoyé de mon", "envoyé depuis", "envoyé à partir", "télécharger outlook",
	"enviado desde", "enviado a través", "inviato da", "enviado do", "enviado de", "enviado por", "verzonden vanaf", "verstuurd vanaf",
	"wysłane z", "wysłano z", "skickat från", "sendt fra", "lähetetty", "odesláno z", "отправлено с", "отправлено из", "надіслано з",
	"iphone'umdan", "iphone'dan gönderildi", "στάλθηκε από", "elküldve", "trimis de pe", "iphoneから送信", "私のiphone", "发自我的",
	"從我的", "自我的 iphone", "나의 iphone", "내 iphone", "đã gửi từ", "gửi từ ", "أرسلت من", "تم الإرسال من", "נשלח מה", "outlook für ",
	"sent with ", "sent by ",
}

// closings begin a signature.
var closings = []string{
	"regards", "best regards", "kind regards", "warm regards", "kindest regards", "best wishes", "best", "all the best", "thanks", "thank you", "many thanks",
	"thanks and regards", "thanks & regards", "thanks again", "cheers", "sincerely", "yours sincerely", "yours truly", "yours faithfully", "yours", "respectfully", "cordially",
	"take care", "love", "your pal", "your friend", "mit freundlichen grüßen", "mit freundlichem gruß", "freundliche grüße", "viele grüße", "beste grüße", "liebe grüße", "mfg", "lg",
	"cordialement", "bien cordialement", "sincères salutations", "bien à vous", "saludos", "saludos cordiales", "un saludo", "atentamente",
	"cordiali saluti", "distinti saluti", "saluti", "atenciosamente", "cumprimentos", "met vriendelijke groet", "groeten", "pozdrawiam",
	"z poważaniem", "med vänlig hälsning", "hälsningar", "vänliga hälsningar", "med vennlig hilsen", "mvh", "venlig hilsen", "ystävällisin terveisin", "terveisin",
	"s pozdravem", "с уважением", "з повагою", "saygılarımla", "με εκτίμηση", "üdvözlettel", "cu stimă", "cu respect", "敬具", "よろしくお願いいたします",
	"此致", "敬上", "祝好", "감사합니다", "trân trọng", "مع التحية", "تحياتي", "בברכה", "hugs", "later", "talk to you soon", "see you",
}

// disclaimerWords occur in the first line of legal notices.
var disclaimerWords = []string{
	"this email and any", "this e-mail and any", "this message and any", "this email is confidential", "this e-mail is confidential",
	"this message is intended", "this email is intended", "this e-mail is intended", "this message contains confidential",
	"this e-mail contains", "this email contains", "this communication is", "confidentiality notice", "confidentiality note",
	"the information contained in this", "the information in this e", "information transmitted", "privileged and confidential",
	"intended only for the", "intended solely for", "disclaimer:", "legal notice", "important notice:", "please consider the environment",
	"diese e-mail enthält", "diese nachricht enthält", "diese e-mail ist", "der inhalt dieser e-mail", "vertraulichkeitshinweis",
	"ce message et", "ce message est", "ce courriel", "cet e-mail", "este mensaje", "este correo", "aviso legal", "questo messaggio", "questa e-mail", "le informazioni contenute",
	"esta mensagem", "este e-mail", "dit bericht is", "deze e-mail", "niniejsza wiadomość", "detta meddelande", "denne e-post", "denne mail", "tämä viesti",
	"tato zpráva", "это сообщение", "данное сообщение", "це повідомлення", "bu e-posta", "το παρόν", "ez az üzenet", "acest mesaj", "本メール", "此邮件", "本邮件", "本郵件",
	"이 메일", "email này", "هذه الرسالة", "הודעה זו",
}

// bannerWords occur in warnings that gateways and clients put above external mail.
var bannerWords = []string{
	"originated from outside", "originates from outside", "originated outside", "from outside of", "from outside the org", "from outside your org",
	"came from outside", "sent from outside", "external sender", "external email", "external e-mail", "external message", "email is from an external",
	"you don't often get email from", "you don’t often get email from", "some people who received this message don't often",
	"externe e-mail", "externer absender", "von außerhalb", "ausserhalb der organisation", "e-mail kommt von extern", "expéditeur externe", "message externe", "courriel externe",
	"en dehors de l'organisation", "extérieur de", "remitente externo", "correo externo", "fuera de la organización", "fuera de su organización",
	"mittente esterno", "esterno all'organizzazione", "email esterna", "remetente externo", "fora da organização", "externe afzender", "buiten de organisatie", "van buiten",
	"nadawca zewnętrzny", "spoza organizacji", "extern avsändare", "utanför organisationen", "ekstern avsender", "ekstern afsender", "utenfor organisasjonen", "uden for organisationen",
	"ulkopuolinen lähettäjä", "organisaation ulkopuolelta", "externí odesílatel", "mimo organizaci", "внешний отправитель", "внешнее письмо", "зовнішній", "kuruluş dışından", "harici e-posta",
	"εξωτερικός αποστολέας", "külső feladó", "expeditor extern", "社外からのメール", "外部送信者", "外部邮件", "外部郵件", "외부 메일", "외부에서", "bên ngoài tổ chức", "من خارج", "מחוץ לארגון",
}

// bannerStarts begin a line that is a banner.
var bannerStarts = []string{"[external]", "[extern]", "[externe]", "[external email]", "*** external", "**external", "[externo]", "[esterno]", "[ext]", "external:"}

// bannerMore are lines that continue a banner.
var bannerMore = []string{
	"do not click", "don't click", "don’t click", "unless you recogni", "use caution", "exercise caution", "be careful", "learn why this is important", "caution", "warning", "attachments",
	"klicken sie", "ne cliquez pas", "no haga clic", "non fare clic", "não clique", "klik niet", "nie klikaj", "klicka inte", "ikke klikk",
	"attention", "achtung", "vorsicht", "atención", "attenzione", "atenção", "let op", "uwaga", "внимание", "увага", "注意", "警告", "주의",
}

// months are the first letters of month names.
var months = map[string]int{
	"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
	"mär": 3, "mrz": 3, "mai": 5, "okt": 10, "dez": 12, "fév": 2, "fev": 2, "avr": 4, "jui": 0, "aoû": 8, "déc": 12, "ene": 1, "abr": 4,
	"ago": 8, "dic": 12, "gen": 1, "mag": 5, "giu": 6, "lug": 7, "set": 9, "ott": 10, "out": 10, "maa": 3, "mei": 5, "maj": 5, "des": 12,
	"янв": 1, "фев": 2, "мар": 3, "апр": 4, "мая": 5, "июн": 6, "июл": 7, "авг": 8, "сен": 9, "окт": 10, "ноя": 11, "дек": 12,
}
