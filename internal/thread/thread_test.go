package thread_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"outrider/internal/budget"
	"outrider/internal/mailtest"
	"outrider/internal/markup"
	"outrider/internal/message"
	"outrider/internal/thread"
)

// Who wrote, in the words of clients; each line is above a quotation.
func TestAttributionsOfManyLanguages(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"On Mon, Jan 15, 2024 at 3:04 PM Ann Lee <ann@a.test> wrote:", "Am 15.01.2024 um 15:04 schrieb Ann Lee <ann@a.test>:",
		"Le lun. 15 janv. 2024 à 15:04, Ann Lee <ann@a.test> a écrit :", "El lun, 15 ene 2024 a las 15:04, Ann Lee (<ann@a.test>) escribió:",
		"Il giorno lun 15 gen 2024 alle ore 15:04 Ann Lee <ann@a.test> ha scritto:", "Em seg., 15 de jan. de 2024 às 15:04, Ann Lee <ann@a.test> escreveu:",
		"Op ma 15 jan 2024 om 15:04 schreef Ann Lee <ann@a.test>:", "pon., 15 sty 2024 o 15:04 Ann Lee <ann@a.test> napisał(a):",
		"Den mån 15 jan. 2024 kl 15:04 skrev Ann Lee <ann@a.test>:", "man. 15. jan. 2024 kl. 15:04 skrev Ann Lee <ann@a.test>:",
		"ma 15. tammik. 2024 klo 15.04 Ann Lee (ann@a.test) kirjoitti:", "po 15. 1. 2024 v 15:04 odesílatel Ann Lee <ann@a.test> napsal:",
		"пн, 15 янв. 2024 г. в 15:04, Ann Lee <ann@a.test>:", "пн, 15 січ. 2024 р. о 15:04 Ann Lee <ann@a.test> пише:",
		"Ann Lee <ann@a.test>, 15 Oca 2024 Pzt, 15:04 tarihinde şunu yazdı:", "Στις Δευ 15 Ιαν 2024 στις 3:04 μ.μ., ο χρήστης Ann Lee <ann@a.test> έγραψε:",
		"Ann Lee <ann@a.test> ezt írta (időpont: 2024. jan. 15., H, 15:04):", "În lun., 15 ian. 2024 la 15:04, Ann Lee <ann@a.test> a scris:",
		"2024年1月15日(月) 15:04 Ann Lee <ann@a.test>:", "Ann Lee <ann@a.test> 于2024年1月15日周一 15:04写道：", "Ann Lee <ann@a.test> 於 2024年1月15日 週一 下午3:04寫道：",
		"2024년 1월 15일 (월) 오후 3:04, Ann Lee <ann@a.test>님이 작성:", "Vào Th 2, 15 thg 1, 2024 vào lúc 15:04 Ann Lee <ann@a.test> đã viết:",
		"في الاثنين، 15 يناير 2024 في 3:04 م تمت كتابة ما يلي بواسطة Ann Lee <ann@a.test>: كتب:", "\u202bבתאריך יום ב׳, 15 בינו׳ 2024 ב-15:04 מאת \u202aAnn Lee\u202c\u200f <\u202aann@a.test\u202c\u200f> כתב:",
		"On Monday, 15 January 2024 15:04, Ann Lee\n<ann@a.test> wrote:",
	} {
		got := thread.Split("New text\n\n" + line + "\n> old text\n> more")
		if got.Current.Text != "New text" || len(got.Previous) != 1 || got.Previous[0].Text != "old text\nmore" {
			t.Errorf("%s:\n%+v", line, got)
		}
	}
}

func TestHeadersOfManyLanguages(t *testing.T) {
	t.Parallel()
	for _, words := range []string{
		"From Sent To Subject", "Von Gesendet An Betreff", "De Envoyé À Objet", "De Enviado Para Asunto", "Da Inviato A Oggetto", "De Enviada_em Para Assunto",
		"Van Verzonden Aan Onderwerp", "Od Wysłano Do Temat", "Från Skickat Till Ämne", "Fra Sendt Til Emne", "Lähettäjä Lähetetty Vastaanottaja Aihe",
		"Od Odesláno Komu Předmět", "От Отправлено Кому Тема", "Від Надіслано Кому Тема", "Kimden Gönderildi Kime Konu", "Από Στάλθηκε Προς Θέμα",
		"Feladó Elküldve Címzett Tárgy", "De_la Trimis Către Subiect", "差出人 送信日時 宛先 件名", "发件人 发送时间 收件人 主题", "寄件者 寄件日期 收件者 主旨",
		"보낸_사람 보낸_날짜 받는_사람 제목", "Từ Đã_gửi Đến Chủ_đề", "من تم_الإرسال إلى الموضوع", "מאת נשלח אל נושא",
	} {
		w := strings.Fields(words)
		for i := range w {
			w[i] = strings.ReplaceAll(w[i], "_", " ")
		}
		got := thread.Split(fmt.Sprintf("New text\n\n%s: Ann Lee <ann@a.test>\n%s: 15.01.2024 15:04\n%s: Bob <bob@b.test>; c@c.test\n%s: Hello\n\nold text", w[0], w[1], w[2], w[3]))
		if len(got.Previous) != 1 || got.Current.Text != "New text" {
			t.Errorf("%s: %+v", words, got)
			continue
		}
		m := got.Previous[0]
		if m.From != (thread.Mailbox{Name: "Ann Lee", Address: "ann@a.test"}) || len(m.To) != 2 || m.To[1].Address != "c@c.test" || m.Subject != "Hello" || m.Text != "old text" ||
			!m.Date.Equal(time.Date(2024, 1, 15, 15, 4, 0, 0, time.UTC)) {
			t.Errorf("%s: %+v", words, m)
		}
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, current, signature, disclaimer, banners, previous string }{
		{"plain", "Hello\n\nthere you are, all of you, and more", "Hello\n\nthere you are, all of you, and more", "", "", "", ""},
		{"answers between", "On 1 May 2024 Ann <a@a.test> wrote:\n> one\nyes, one\n> two\nno, not two", "yes, one\nno, not two", "", "", "", "one\ntwo"},
		{"two levels", "new one here\n> old\n>> older\n> old again", "new one here", "", "", "", "old\nold again|older"},
		{"separator", "new one here\n-----Original Message-----\nFrom: A\nSubject: s\n\nold", "new one here", "", "", "", "old"},
		{"forwarded", "fyi\n\nBegin forwarded message:\n\nFrom: A <a@a.test>\nSubject: s\n\nold", "fyi", "", "", "", "old"},
		{"signature", "text here\n-- \nAnn\nACME", "text here", "-- \nAnn\nACME", "", "", ""},
		{"closing", "text here\n\nBest regards,\nAnn Lee", "text here", "Best regards,\nAnn Lee", "", "", ""},
		{"phone", "text here\n\nSent from my iPhone", "text here", "Sent from my iPhone", "", "", ""},
		{"banner", "CAUTION: This email originated from outside of the organization.\nDo not click links.\n\nPay now please", "Pay now please", "", "", "CAUTION: This email originated from outside of the organization.\nDo not click links.", ""},
		{"notice", "text here\n\nThis email and any attachments are confidential.\nReally.", "text here", "", "This email and any attachments are confidential.\nReally.", "", ""},
		{"nothing but a notice", "Disclaimer: pay to this account", "Disclaimer: pay to this account", "", "", "", ""},
		{"all quoted", "> pay\n> now", "pay\nnow", "", "", "", ""},
		{"no header", "From: here to there\nwe walked", "From: here to there\nwe walked", "", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := thread.Split(tt.text)
			var banners, previous []string
			for _, b := range got.Current.Banners {
				banners = append(banners, b.Text)
			}
			for _, m := range got.Previous {
				previous = append(previous, m.Text)
			}
			for _, c := range [][2]string{
				{got.Current.Text, tt.current}, {got.Current.Signature, strings.ReplaceAll(tt.signature, "-- \n", "--\n")}, {got.Current.Disclaimer, tt.disclaimer},
				{strings.Join(banners, "|"), tt.banners}, {strings.Join(previous, "|"), tt.previous},
			} {
				if c[0] != c[1] {
					t.Errorf("got %q, want %q", c[0], c[1])
				}
			}
		})
	}
}

func TestSplitHTMLFollowsTheStructureOfClients(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"gmail":   `<div>new text</div><div class="gmail_quote"><div class=gmail_attr>On Mon, Jan 15, 2024 at 3:04 PM Ann &lt;<a href="mailto:a@a.test">a@a.test</a>&gt; wrote:<br></div><blockquote class="gmail_quote"><div>old text</div></blockquote></div>`,
		"apple":   `<div>new text</div><div><blockquote type="cite"><div>On 15 Jan 2024, at 15:04, Ann &lt;a@a.test&gt; wrote:</div><br><div>old text</div></blockquote></div>`,
		"outlook": `<p>new text</p><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>From:</b> Ann &lt;a@a.test&gt;<br><b>Sent:</b> Monday, January 15, 2024 3:04 PM<br><b>Subject:</b> x</p></div><p>old text</p>`,
		"unknown": `<p>new text</p><div id="divRplyFwdMsg"><b>From:</b> Ann<br><b>Zzz:</b> x<br><b>Subject:</b> x</div><div>old text</div>`,
		"yahoo":   `<div>new text</div><div class="yahoo_quoted"><div>On Monday, January 15, 2024, 03:04:00 PM GMT, Ann &lt;a@a.test&gt; wrote:</div><div>old text</div></div>`,
	} {
		got := thread.SplitHTML(markup.Parse(doc, nil))
		last := len(got.Previous) - 1
		if got.Current.Text != "new text" || last < 0 || !strings.HasSuffix(got.Previous[last].Text, "old text") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// pieces returns every line that the thread holds, sorted.
func pieces(th thread.Thread) []string {
	all := []string{th.Current.Text, th.Current.Signature, th.Current.Disclaimer}
	banners := th.Current.Banners
	for _, m := range th.Previous {
		all = append(all, m.Text, m.Preamble)
		banners = append(banners, m.Banners...)
	}
	for _, b := range banners {
		all = append(all, b.Text)
	}
	return sortedLines(strings.Join(all, "\n"), false)
}

func sortedLines(text string, marks bool) []string {
	var out []string
	for l := range strings.SplitSeq(text, "\n") {
		if marks {
			for t := strings.TrimPrefix(l, " "); strings.HasPrefix(t, ">"); t = strings.TrimPrefix(l, " ") {
				l = t[1:]
			}
		}
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	sort.Strings(out)
	return out
}

func checkCovers(tb interface{ Fatalf(string, ...any) }, text string, th thread.Thread) {
	if got, want := strings.Join(pieces(th), "\n"), strings.Join(sortedLines(text, true), "\n"); got != want {
		tb.Fatalf("lines differ for %q:\ngot  %q\nwant %q", text, got, want)
	}
	if strings.TrimSpace(th.Current.Text) == "" && th.Current.Signature+th.Current.Disclaimer != "" {
		tb.Fatalf("the current text is empty: %+v", th.Current)
	}
}

func TestNoLineIsLost(t *testing.T) {
	t.Parallel()
	line := rapid.SampledFrom([]string{
		"", "text", "> quoted", ">> deeper", "> ", "On 1 May 2024 Ann <a@a.test> wrote:", "> On 1 May 2024 Bob <b@b.test> wrote:", "On 1 May 2024 Ann <a@a.test", "> wrote:",
		"-----Original Message-----", "From: A <a@a.test>", "Sent: 1 May 2024", "To: b@b.test", "c@c.test;", "Subject: s", "____________", "-- ", "Regards,", "Ann", "Sent from my iPhone",
		"[EXTERNAL]", "CAUTION", "This email originated from outside", "Do not click links", "This email and any attachments", "> From: X", ">>>>>> far", "Begin forwarded message:",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.OneOf(line, line, line, rapid.String().Filter(func(s string) bool { return !strings.ContainsAny(s, "\r\n") })), 0, 40).Draw(t, "lines"), "\n")
		checkCovers(t, strings.ToValidUTF8(text, ""), thread.SplitFrom(strings.ToValidUTF8(text, ""), "Ann Lee"))
	})
}

func FuzzSplit(f *testing.F) {
	f.Add("new\n\nOn 1 May 2024 Ann <a@a.test\n> wrote:\n> old\n>> older\n-- \nme")
	f.Add("a\n-----Original Message-----\nFrom: x\nTo: a;\nb@c\nSubject: s\n\nold")
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(strings.ReplaceAll(text, "\r", ""), "")
		checkCovers(t, text, thread.Split(text))
	})
}

func FuzzSplitHTML(f *testing.F) {
	f.Add(`<p>a</p><blockquote type=cite><p>On 1 May 2024 A wrote:<p>b</blockquote><div id=divRplyFwdMsg>From: x<br>To: y<br>Subject: z</div>`)
	f.Fuzz(func(t *testing.T, doc string) {
		d := markup.Parse(doc, nil)
		checkCovers(t, d.DisplayText(), thread.SplitHTML(d))
	})
}

// TestForgeSignatures measures lines kept as signature against the annotations of
// mailgun/forge, which marks them with "#sig#".
func TestForgeSignatures(t *testing.T) {
	t.Parallel()
	root := mailtest.Data(t, "conformance/replies_mailgun_forge/dataset")
	files, err := filepath.Glob(filepath.Join(root, "*", "*_body"))
	if err != nil || len(files) == 0 {
		t.Fatal("no samples", err)
	}
	var right, wrong, missed, kept, exact int
	for _, file := range files {
		body, _ := os.ReadFile(file)
		sender, _ := os.ReadFile(strings.TrimSuffix(file, "_body") + "_sender")
		text := strings.ToValidUTF8(strings.ReplaceAll(string(body), "\r", ""), "")
		th := thread.SplitFrom(strings.ReplaceAll(text, "#sig#", ""), string(sender))
		want := map[string]int{}
		for l := range strings.SplitSeq(text, "\n") {
			if rest, ok := strings.CutPrefix(l, "#sig#"); ok && strings.TrimSpace(rest) != "" {
				want[strings.TrimSpace(rest)]++
			}
		}
		badBefore := wrong + missed
		for _, l := range sortedLines(th.Current.Signature+"\n"+th.Current.Disclaimer, false) {
			if want[l] > 0 {
				want[l]--
				right++
			} else {
				wrong++
			}
		}
		for _, n := range want {
			missed += n
		}
		if wrong+missed == badBefore {
			exact++
		}
		kept += len(sortedLines(th.Current.Text, false))
	}
	precision, recall := float64(right)/float64(right+wrong), float64(right)/float64(right+missed)
	reply := float64(kept-missed) / float64(kept)
	t.Logf("%d samples, exact %d; signature lines: precision %.3f, recall %.3f; reply lines: precision %.3f, recall %.3f",
		len(files), exact, precision, recall, reply, float64(kept-missed)/float64(kept-missed+wrong))
	if precision < 0.86 || recall < 0.93 {
		t.Error("below the floor")
	}
}

// TestRealMail splits every text of the corpus.
func TestRealMail(t *testing.T) {
	t.Parallel()
	for _, set := range []string{"mail/train", "mail/dev"} {
		root := mailtest.Data(t, set)
		earlier := 0
		err := filepath.WalkDir(root+string(filepath.Separator), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			for _, p := range message.Parse(bytes.Clone(raw), nil).TextParts() {
				text := p.Text()
				var th thread.Thread
				if p.MediaType == "text/html" {
					d := markup.Parse(text, budget.New(budget.Default()))
					text, th = d.DisplayText(), thread.SplitHTML(d)
				} else {
					text = strings.ReplaceAll(text, "\r", "")
					th = thread.Split(text)
				}
				if len(th.Previous) > 0 {
					earlier++
				}
				checkCovers(t, text, th)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d texts with earlier messages", set, earlier)
	}
}

func TestHostileTextsTakeLinearTime(t *testing.T) {
	t.Parallel()
	for name, piece := range map[string]string{
		"attributions": "On 1 May 2024 Ann <a@a.test\n", "headers": "From: a\n\n", "lists": "To: a@a.test;\n", "marks": "> ", "depths": ">\n>>>>>>>>>>>>>>>>>x\n",
		"banners": "[EXTERNAL]\ndo not click\n", "rules": "__________\n", "lines": "\n", "separators": "-----Original Message-----\n", "names": "Ann\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			author := strings.Repeat("Ann ", 1000)
			mailtest.Linear(t, 1<<17, func(size int) { thread.SplitFrom(strings.Repeat(piece, size/len(piece)), author) })
		})
	}
}
