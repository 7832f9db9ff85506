package mtasts_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"outrider/internal/mtasts"
)

// records are texts with the id that they announce, or "".
var records = map[string]string{
	"v=STSv1; id=20260101T000000;":           "20260101T000000",
	"v=STSv1;id=1":                           "1",
	"v=STSv1 ;\tid=1 ; ":                     "1",
	"v=STSv1; id=1; new=thing;":              "1",
	"v=STSv1; new=thing; id=1":               "1",
	"v=STSv1":                                "",
	"v=STSv1;":                               "",
	"v=STSv1; id=":                           "",
	"v=STSv1; id=a-b":                        "",
	"v=STSv1; id=1; id=2":                    "",
	"v=STSv1; id":                            "",
	"v=STSv1; =1; id=1":                      "",
	"v=stsv1; id=1":                          "",
	"v=STSv10; id=1":                         "",
	"id=1; v=STSv1":                          "",
	"":                                       "",
	"v=STSv1; id=" + strings.Repeat("a", 32): strings.Repeat("a", 32),
	"v=STSv1; id=" + strings.Repeat("a", 33): "",
	"v=STSv1; id=1;" + strings.Repeat(" ", 2000): "",
}

func TestParseRecord(t *testing.T) {
	t.Parallel()
	for txt, want := range records {
		got, err := mtasts.ParseRecord(txt)
		if got != want || errors.Is(err, mtasts.ErrRecord) != (want == "") {
			t.Errorf("%q: got %q, %v", txt, got, err)
		}
	}
}

const enforce = "version: STSv1\r\nmode: enforce\r\nmx: mx.example.org\r\nmx: *.Example.NET\r\nmax_age: 604800\r\n"

func week(mode mtasts.Mode, mx ...string) *mtasts.Policy {
	return &mtasts.Policy{Mode: mode, MX: mx, MaxAge: 7 * 24 * time.Hour}
}

// policies are texts with their parsed form, or nil.
var policies = map[string]*mtasts.Policy{
	enforce:                               week("enforce", "mx.example.org", "*.example.net"),
	strings.ReplaceAll(enforce, "\r", ""): week("enforce", "mx.example.org", "*.example.net"),
	enforce + "\r\n\r\nanything\r\nnew: field\r\n":                   week("enforce", "mx.example.org", "*.example.net"),
	enforce + "mode: none\r\nmax_age: 1\r\n":                         week("enforce", "mx.example.org", "*.example.net"),
	"version:STSv1\nmode:testing\nmx:bücher.example\nmax_age:604800": week("testing", "xn--bcher-kva.example"),
	"version: STSv1\nmode: none\nmax_age: 604800\n":                  week("none"),
	"mode: none\nmax_age: 604800\nversion: STSv1\n":                  week("none"),
	"version: STSv1\nmode: none\nmax_age: 9999999999\n":              {Mode: "none", MaxAge: 31_557_600 * time.Second},
	"version: STSv1\nmode: none\nmax_age: 99999999999\n":             nil,
	"version: STSv1\nmode: none\nmax_age: -1\n":                      nil,
	"version: STSv1\nmode: none\nmax_age: 1d\n":                      nil,
	"version: STSv2\nmode: none\nmax_age: 604800\n":                  nil,
	"version: STSv1\nmode: strict\nmax_age: 604800\n":                nil,
	"version: STSv1\nmode: enforce\nmax_age: 604800\n":               nil,
	"version: STSv1\nmode: testing\nmx: *\nmax_age: 604800\n":        nil,
	"version: STSv1\nmode: testing\nmx: a.*.b\nmax_age: 604800\n":    nil,
	"version: STSv1\nmode: testing\nmx: \nmax_age: 604800\n":         nil,
	"version: STSv1\nmax_age: 604800\n":                              nil,
	"version: STSv1\nmode: none\n":                                   nil,
	"mode: none\nmax_age: 604800\n":                                  nil,
	"<html>not found</html>":                                         nil,
	"":                                                               nil,
	enforce + strings.Repeat("x", 64<<10):                            nil,
	enforce + strings.Repeat("\n", 1000):                             nil,
	enforce + strings.Repeat("mx: a.example\n", 99):                  nil,
}

func TestParsePolicy(t *testing.T) {
	t.Parallel()
	for text, want := range policies {
		got, err := mtasts.ParsePolicy([]byte(text))
		switch {
		case want == nil:
			if !errors.Is(err, mtasts.ErrPolicy) {
				t.Errorf("%.80q: got %+v, %v", text, got, err)
			}
		case err != nil || !gocmp.Equal(got, *want):
			t.Errorf("%.80q: got %+v, %v", text, got, err)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	p := mtasts.Policy{MX: []string{"mx.example.org", "*.example.net"}}
	for host, want := range map[string]bool{
		"mx.example.org": true, "MX.Example.ORG.": true, "a.example.net": true, "*.example.net": true,
		"other.example.org": false, "a.mx.example.org": false, "example.net": false, "a.b.example.net": false,
		"aexample.net": false, ".example.net": false, "net": false, "": false,
	} {
		if got := p.Match(host); got != want {
			t.Errorf("%q: got %t", host, got)
		}
	}
	if (mtasts.Policy{}).Match("mx.example.org") {
		t.Error("a policy without hosts names one")
	}
}

func TestWildcardStandsForOneLabel(t *testing.T) {
	t.Parallel()
	label := rapid.StringMatching(`[a-z]{1,8}`)
	rapid.Check(t, func(t *rapid.T) {
		parent := label.Draw(t, "label") + ".example"
		names := rapid.SliceOfN(label, 0, 4).Draw(t, "labels")
		p := mtasts.Policy{MX: []string{"*." + parent}}
		host := strings.Join(append(names, parent), ".")
		if got := p.Match(host); got != (len(names) == 1) {
			t.Fatalf("%s below %s: got %t", host, parent, got)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	for txt := range records {
		f.Add(txt)
	}
	f.Fuzz(func(t *testing.T, txt string) {
		id, err := mtasts.ParseRecord(txt)
		if (id == "") != (err != nil) || err == nil && !mtasts.IsRecord(txt) {
			t.Errorf("got %q, %v", id, err)
		}
	})
}

func FuzzParsePolicy(f *testing.F) {
	for text := range policies {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := mtasts.ParsePolicy(text)
		if err != nil {
			return
		}
		if p.Mode == "" || p.MaxAge < 0 || len(p.MX) > 100 || p.Mode != mtasts.ModeNone && len(p.MX) == 0 {
			t.Errorf("got %+v", p)
		}
		for _, mx := range p.MX {
			if host := strings.Replace(mx, "*", "a", 1); !p.Match(host) {
				t.Errorf("%q does not match %q", host, mx)
			}
		}
	})
}
