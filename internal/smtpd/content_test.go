package smtpd_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"outrider/internal/message"
	"outrider/internal/smtpd"
)

// lineEnds are the line ends of a message that normalising makes CRLF of.
var lineEnds = regexp.MustCompile("\r\r\n|\r\n|\r|\n")

// reference reads a message the slow and obvious way, from all its octets at once.
func reference(input string, normalise bool) smtpd.Read {
	const start = "\r\n" // the data begins a line
	end := strings.Index(start+input, "\r\n.\r\n")
	if end < 0 {
		return smtpd.Read{Used: len(input)} // and its body is never used
	}
	r := referenceBody(unstuff((start + input)[:end+2]), normalise)
	r.Used, r.Done = end+3, true
	return r
}

// unstuff removes the dots that begin lines, and the line end before the data.
func unstuff(s string) string { return strings.ReplaceAll(s, "\r\n.", "\r\n")[2:] }

// referenceBody judges the octets of a message without dot-stuffing.
func referenceBody(s string, normalise bool) smtpd.Read {
	rest := strings.ReplaceAll(s, "\r\n", "")
	r := smtpd.Read{Traits: message.Traits{
		BareCR: strings.Contains(rest, "\r"), BareLF: strings.Contains(rest, "\n"),
	}}
	if (r.Traits.BareCR || r.Traits.BareLF) && !normalise {
		r.Reply.Code = 550
		return r
	}
	s = lineEnds.ReplaceAllString(s, "\r\n")
	r.Body = []byte(s)
	header, _, _ := strings.Cut("\r\n"+s, "\r\n\r\n")
	is8Bit := func(r rune) bool { return r >= 0x80 }
	r.Traits.EightBit = strings.ContainsFunc(s, is8Bit)
	r.Traits.HeaderUTF8 = strings.ContainsFunc(header, is8Bit)
	r.Traits.NUL = strings.Contains(s, "\x00")
	for line := range strings.SplitSeq(s, "\r\n") {
		r.Traits.MaxLine = max(r.Traits.MaxLine, len(line))
	}
	return r
}

// compareReads checks one reading against the reference. Of a refused message only the
// reply counts, and of one without end nothing but that.
func compareReads(t interface{ Fatalf(string, ...any) }, got, want smtpd.Read) {
	got.Reply.Enhanced, got.Reply.Text = "", ""
	if !want.Done {
		got = smtpd.Read{Used: got.Used, Done: got.Done}
	}
	if want.Reply.Code != 0 {
		if got.Reply.Code != want.Reply.Code || got.Done != want.Done || got.Used != want.Used {
			t.Fatalf("got reply %v, done %v, used %d; want %+v", got.Reply, got.Done, got.Used, want)
		}
		return
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("reading differs (-want +got):\n%s", diff)
	}
}

// split cuts data into blocks with lengths taken from sizes over and over.
func split(data []byte, sizes []byte) [][]byte {
	var blocks [][]byte
	for i := 0; len(data) > 0; i++ {
		n := len(data)
		if len(sizes) > 0 {
			n = min(n, int(sizes[i%len(sizes)])+1)
		}
		blocks = append(blocks, data[:n])
		data = data[n:]
	}
	return blocks
}

// policies are both newline policies.
func policies() map[smtpd.NewlinePolicy]smtpd.Config {
	m := make(map[smtpd.NewlinePolicy]smtpd.Config)
	for _, p := range []smtpd.NewlinePolicy{smtpd.RejectBare, smtpd.NormaliseBare} {
		cfg := smtpd.DefaultConfig("mx.example")
		cfg.BareNewlines = p
		m[p] = cfg
	}
	return m
}

// TestReadingAgreesWithReference reads random messages made of what matters.
func TestReadingAgreesWithReference(t *testing.T) {
	t.Parallel()
	cfgs := policies()
	tokens := []string{"\r\n", "\r\n.", "\r\n..", "\r", "\n", ".", "\x00", "ü", "\xff", "a", "Subject: x", "\r\n.\r\n", "\r\n\r\n", strings.Repeat("b", 70)}
	rapid.Check(t, func(rt *rapid.T) {
		input := strings.Join(rapid.SliceOfN(rapid.SampledFrom(tokens), 0, 30).Draw(rt, "input"), "")
		sizes := rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(rt, "sizes")
		for policy, cfg := range cfgs {
			got := smtpd.ReadDots(cfg, split([]byte(input), sizes))
			compareReads(rt, got, reference(input, policy == smtpd.NormaliseBare))
		}
	})
}

// FuzzData reads any octets in any blocks and compares with the reference; and what
// DATA yields BDAT must yield as well.
func FuzzData(f *testing.F) {
	for _, seed := range []string{
		"", ".\r\n", "a\r\n.\r\n", "a\r\n..b\r\n.\r\nQUIT\r\n", "hi\r\r\n.\r\n", "\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r", "\r\n.\n",
		"h: \xc3\xbc\r\n\r\n\x00\r\n.\r\n", "\r\r\r\n\r\r", ".\r.\r\n.\r\n", "\r\n.\r\r\n.\r\n",
	} {
		f.Add([]byte(seed), []byte{})
		f.Add([]byte(seed), []byte{0})
		f.Add([]byte(seed), []byte{1, 0, 2})
	}
	cfgs := policies()
	f.Fuzz(func(t *testing.T, input, sizes []byte) {
		for policy, cfg := range cfgs {
			normalise := policy == smtpd.NormaliseBare
			got := smtpd.ReadDots(cfg, split(input, sizes))
			compareReads(t, got, reference(string(input), normalise))
			compareReads(t, smtpd.ReadChunks(cfg, split(input, sizes)), chunked(referenceBody(string(input), normalise), len(input)))
			if hasBare(got.Body) {
				t.Fatalf("bare CR or LF got through: %q", got.Body)
			}
		}
	})
}

// chunked completes a reference reading for BDAT, which uses everything.
func chunked(r smtpd.Read, n int) smtpd.Read {
	r.Used, r.Done = n, true
	return r
}

// hasBare reports whether a CR or LF is alone.
func hasBare(b []byte) bool {
	return bytes.ContainsAny(bytes.ReplaceAll(b, []byte("\r\n"), nil), "\r\n")
}

// TestDataEqualsChunks sends the same message both ways.
func TestDataEqualsChunks(t *testing.T) {
	t.Parallel()
	cfg := smtpd.DefaultConfig("mx.example")
	line := rapid.StringMatching(`[.a ü\x00]{0,80}`)
	rapid.Check(t, func(rt *rapid.T) {
		var text strings.Builder
		for _, l := range rapid.SliceOfN(line, 0, 20).Draw(rt, "lines") {
			text.WriteString(l + "\r\n")
		}
		sizes := rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(rt, "sizes")
		stuffed := strings.ReplaceAll("\r\n"+text.String(), "\r\n.", "\r\n..")[2:] + ".\r\n"
		data := smtpd.ReadDots(cfg, split([]byte(stuffed), sizes))
		chunks := smtpd.ReadChunks(cfg, split([]byte(text.String()), sizes))
		if !data.Done || string(data.Body) != text.String() {
			rt.Fatalf("DATA yields %q of %q", data.Body, text.String())
		}
		data.Used, chunks.Used = 0, 0
		if diff := cmp.Diff(data, chunks, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("BDAT differs (-DATA +BDAT):\n%s", diff)
		}
	})
}

// TestNormalisingIsIdempotent makes sure that our own output is canonical for us.
func TestNormalisingIsIdempotent(t *testing.T) {
	t.Parallel()
	cfg := policies()[smtpd.NormaliseBare]
	rapid.Check(t, func(rt *rapid.T) {
		input := []byte(rapid.StringMatching(`[\r\n.a]{0,60}`).Draw(rt, "input"))
		once := smtpd.ReadChunks(cfg, [][]byte{input})
		twice := smtpd.ReadChunks(cfg, [][]byte{once.Body})
		if !bytes.Equal(once.Body, twice.Body) || twice.Traits.BareCR || twice.Traits.BareLF {
			rt.Fatalf("%q became %q and then %q", input, once.Body, twice.Body)
		}
	})
}
