package message_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"outrider/internal/address"
	"outrider/internal/budget"
	"outrider/internal/message"
)

func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		b := budget.New(budget.Default())
		m := message.Parse(raw, b)
		checkMessage(t, raw, m)
		checkWork(t, raw, m, b)
		if !bytes.Equal(raw, before) {
			t.Error("Parse changed its input")
		}
	})
}

func FuzzDecoders(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte, charset string) {
		goOn, differs, clean := message.DecodeBase64(raw, false)
		stop, _, _ := message.DecodeBase64(raw, true)
		checkDiffers, checkClean := message.CheckBase64(raw)
		if differs != checkDiffers || clean != checkClean || !bytes.HasPrefix(goOn, stop) {
			t.Errorf("base64: %x, stopping %x, differs %v %v, clean %v %v", goOn, stop, differs, checkDiffers, clean, checkClean)
		}
		qp, clean := message.DecodeQP(raw)
		if len(qp) > len(raw) || clean != message.CheckQP(raw) {
			t.Errorf("quoted-printable: %q, clean %v", qp, clean)
		}
		if n := len(message.DecodeUU(raw)); n > len(raw) {
			t.Errorf("uuencode: %d bytes of %d", n, len(raw))
		}
		if n := len(message.DecodeYEnc(raw)); n > len(raw) {
			t.Errorf("yEnc: %d bytes of %d", n, len(raw))
		}
		text, _ := message.DecodeCharset(raw, charset)
		wide, _ := message.DecodeUTF7(raw)
		if !utf8.ValidString(text) || !utf8.ValidString(wide) || len(text) > 6*len(raw)+8 {
			t.Errorf("charset %q: %q, UTF-7 %q", charset, text, wide)
		}
	})
}

func FuzzMailboxes(f *testing.F) {
	f.Fuzz(func(t *testing.T, list string) {
		boxes := message.ParseMailboxes(list)
		if len(boxes) > 2000 || len(boxes) > len(list) {
			t.Errorf("%d mailboxes of %d bytes", len(boxes), len(list))
		}
		for _, box := range boxes {
			if box.Name == "" && box.Local == "" && box.Domain == "" {
				t.Errorf("an empty mailbox in %+q", boxes)
			}
			if s := box.Name + box.Address() + box.Group; !utf8.ValidString(s) {
				t.Errorf("mailbox %+q is not UTF-8", box)
			}
			for _, d := range append(box.Domains(), box.Readings...) {
				if normal, err := address.Domain(d); err != nil || normal != d || len(d) > 253 {
					t.Errorf("reading %+q is no domain in normal form", d)
				}
			}
		}
	})
}

func FuzzHeaderText(f *testing.F) {
	f.Fuzz(func(t *testing.T, value string) {
		text := message.DecodeText(value)
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\r\n\x00") || len(text) > 6*len(value)+8 {
			t.Errorf("%q", text)
		}
	})
}

func FuzzHeaderWriter(f *testing.F) {
	f.Fuzz(func(t *testing.T, value string) { checkOneField(t, value) })
}

// FuzzRender proves for any message that an edit without changes is the message, and
// that a banner and fields on top leave the parts as they were.
func FuzzRender(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte, text, html string) {
		if out, _ := render(t, raw, message.Edit{}); !bytes.Equal(raw, out) {
			t.Fatal("an empty edit changed the message")
		}
		var w message.HeaderWriter
		if err := w.Add("X-Verdict", text); err != nil {
			t.Fatal(err)
		}
		e := message.Edit{Prepend: w.Bytes(), SubjectPrefix: "[EXTERNAL]", Banner: &message.Banner{
			Text: text + "\n" + marks["text/plain"], HTML: html + "\n<p>" + marks["text/html"],
		}}
		m := message.Parse(raw, nil)
		r, err := m.Render(nil, e)
		if err != nil {
			return // a banner that cannot be folded
		}
		out, err := r.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		checkEdited(t, raw, out, r)
		if n := len(message.Parse(out, nil).Header().All("X-Verdict")); n != 1+len(m.Header().All("X-Verdict")) {
			t.Errorf("%d fields X-Verdict", n)
		}
	})
}
