package message_test

import (
	"testing"
	"unicode/utf8"

	"outrider/internal/budget"
	"outrider/internal/message"
)

// workPerByte bounds the passes over a message: lines, structure, leaves, and six
// second readings that each look at structure and leaves.
const workPerByte = 20

// checkMessage proves what holds for every message.
func checkMessage(tb testing.TB, raw []byte, m *message.Message) {
	tb.Helper()
	if m.Root == nil || len(m.Parts) == 0 || m.Parts[0] != m.Root {
		tb.Fatal("the first part is not the root")
	}
	if m.Root.Raw != (message.Range{From: 0, To: len(raw)}) {
		tb.Errorf("root covers %v of %d bytes", m.Root.Raw, len(raw))
	}
	paths := make(map[string]bool)
	for _, p := range m.Parts {
		if paths[p.Path] {
			tb.Errorf("path %q stands twice", p.Path)
		}
		paths[p.Path] = true
		checkPart(tb, p)
	}
	checkDefects(tb, raw, m)
	checkHeaders(tb, m)
}

func checkDefects(tb testing.TB, raw []byte, m *message.Message) {
	tb.Helper()
	last := 0
	for _, d := range m.Defects {
		if d.Offset < last || d.Offset > len(raw) || len(d.Detail) > 400 || !utf8.ValidString(d.Detail) {
			tb.Errorf("defect %+v behind offset %d", d, last)
		}
		last = d.Offset
	}
}

// checkHeaders reads the fields of the top header that have methods of their own.
func checkHeaders(tb testing.TB, m *message.Message) {
	tb.Helper()
	if !utf8.ValidString(m.Subject()) {
		tb.Errorf("subject %q is not UTF-8", m.Subject())
	}
	m.Hops()
	m.Date()
	for _, name := range []string{"From", "To", "Cc", "Reply-To"} {
		for _, box := range m.Header().Mailboxes(name) {
			if !utf8.ValidString(box.Name) || !utf8.ValidString(box.Address()) {
				tb.Errorf("mailbox %+q is not UTF-8", box)
			}
		}
	}
}

func checkPart(tb testing.TB, p *message.Part) {
	tb.Helper()
	source := p.Source()
	if p.Raw.From < 0 || p.Raw.From > p.Body.From || p.Body.From > p.Body.To || p.Body.To != p.Raw.To || p.Raw.To > len(source) {
		tb.Fatalf("part %q: raw %v, body %v of %d bytes", p.Path, p.Raw, p.Body, len(source))
	}
	checkFields(tb, p)
	checkChildren(tb, p)
	if decoded := p.Decoded(); len(decoded) > p.Body.Len()+3 {
		tb.Errorf("part %q: %d bytes decode to %d", p.Path, p.Body.Len(), len(decoded))
	}
	if !utf8.ValidString(p.Text()) || !utf8.ValidString(p.Filename) || !utf8.ValidString(p.MediaType) {
		tb.Errorf("part %q has text that is not UTF-8", p.Path)
	}
}

// checkFields proves that fields follow each other within the header section.
func checkFields(tb testing.TB, p *message.Part) {
	tb.Helper()
	at := p.Raw.From
	for _, f := range p.Header.Fields {
		if f.Raw.From < at || f.Value.From <= f.Raw.From || f.Value.To < f.Value.From || f.Raw.To < f.Value.To || f.Raw.To > p.Body.From {
			tb.Fatalf("part %q: field %+v behind %d", p.Path, f, at)
		}
		at = f.Raw.To
	}
}

// checkChildren proves that children follow each other within the body.
func checkChildren(tb testing.TB, p *message.Part) {
	tb.Helper()
	source, at := p.Source(), p.Body.From
	for _, child := range p.Children {
		if child.Parent != p || child.Depth != p.Depth+1 {
			tb.Errorf("part %q is no child of %q", child.Path, p.Path)
		}
		if &child.Source()[0] != &source[0] {
			continue // decoded first
		}
		if child.Raw.From < at || child.Raw.To > p.Body.To {
			tb.Fatalf("part %q: %v is not in %v behind %d", child.Path, child.Raw, p.Body, at)
		}
		at = child.Raw.To
	}
}

// checkWork proves that the time was linear: by counting, so that the test does not
// depend on the machine. Messages in transfer-encoded messages are bounded by the
// budget instead.
func checkWork(tb testing.TB, raw []byte, m *message.Message, b *budget.Budget) {
	tb.Helper()
	limits := b.Limits()
	decoded := int(limits.Of[budget.DecodedBytes] - b.Left(budget.DecodedBytes))
	if work := message.Work(m); work > workPerByte*(len(raw)+decoded)+1000 {
		tb.Errorf("looked at %d bytes of a message of %d", work, len(raw))
	}
	if most := int(limits.Of[budget.Parts]) + 10; len(m.Parts) > most {
		tb.Errorf("%d parts, want at most %d", len(m.Parts), most)
	}
}
