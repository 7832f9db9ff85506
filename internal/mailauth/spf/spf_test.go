package spf_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"outrider/internal/mailauth/spf"
)

func TestOutcomeSaysWhatDecided(t *testing.T) {
	t.Parallel()
	zone := suiteZone{
		"a.example":     {map[string]any{"TXT": "v=spf1 mx include:b.example ?a:%{l}.c.example/24 exp=why.%{d} -all"}, map[string]any{"MX": []any{0, "mx.a.example"}}},
		"mx.a.example":  {map[string]any{"A": "192.0.2.1"}},
		"b.example":     {map[string]any{"TXT": "v=spf1 ip4:198.51.100.0/24 ~all"}},
		"ann.c.example": {map[string]any{"A": "203.0.113.9"}},
		"why.a.example": {map[string]any{"TXT": "%{i} is none of %{o}, says %{r} at %{t}%_"}},
		"two.example":   {map[string]any{"TXT": "v=spf1 -all"}, map[string]any{"TXT": "v=spf1 +all"}},
	}
	tests := []struct {
		name, sender, addr string
		want               spf.Outcome
	}{
		{"mail host", "ann@a.example", "192.0.2.1", spf.Outcome{Result: spf.Pass, Term: "mx", Domain: "a.example", Asked: 1}},
		{"as IPv6", "ann@a.example", "::ffff:192.0.2.1", spf.Outcome{Result: spf.Pass, Term: "mx", Domain: "a.example", Asked: 1}},
		{"included", "ann@a.example", "198.51.100.7", spf.Outcome{Result: spf.Pass, Term: "include:b.example", Domain: "a.example", Asked: 2}},
		{"near an address", "ann@a.example", "203.0.113.200", spf.Outcome{Result: spf.Neutral, Term: "?a:%{l}.c.example/24", Domain: "a.example", Asked: 3}},
		{"nobody", "ann@a.example", "192.0.2.99", spf.Outcome{Result: spf.Fail, Term: "-all", Domain: "a.example", Asked: 3, Explanation: "192.0.2.99 is none of a.example, says unknown at 1073741824 "}},
		{"two records", "x@two.example", "192.0.2.1", spf.Outcome{Result: spf.PermError, Domain: "two.example", Why: "permanent error: two.example has several records"}},
		{"no record", "x@mx.a.example", "192.0.2.1", spf.Outcome{Result: spf.None, Domain: "mx.a.example"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := spf.Evaluate(t.Context(), zone, spf.Query{
				Addr: netip.MustParseAddr(test.addr), Sender: test.sender, Domain: test.sender[strings.LastIndexByte(test.sender, '@')+1:], At: time.Unix(1<<30, 0),
			})
			if got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// TestLongRecordsEnd follows records that lead to each other for ever.
func TestLongRecordsEnd(t *testing.T) {
	t.Parallel()
	zone := suiteZone{
		"loop.example":  {map[string]any{"TXT": "v=spf1 include:loop.example -all"}},
		"hop.example":   {map[string]any{"TXT": "v=spf1 redirect=hop.example"}},
		"terms.example": {map[string]any{"TXT": "v=spf1" + strings.Repeat(" ip4:192.0.2.1", 4000) + " -all"}},
	}
	for domain, want := range map[string]spf.Result{"loop.example": spf.PermError, "hop.example": spf.PermError, "terms.example": spf.Fail} {
		o := spf.Evaluate(t.Context(), zone, spf.Query{Addr: netip.MustParseAddr("198.51.100.1"), Domain: domain, Sender: "a@" + domain})
		if o.Result != want || o.Asked > 11 {
			t.Errorf("%s: %+v, want %s", domain, o, want)
		}
	}
}

func FuzzEvaluate(f *testing.F) {
	for _, s := range []string{
		"v=spf1 a mx/24//64 ptr:%{d2r.-} exists:%{ir}.%{v}.x.example ip4:1.2.3.4/8 ip6:::1/3 -all", "v=spf1 redirect=%{o} exp=%{h}",
		"v=spf1 include:%{L1r+}._spf.%%%_%-example", "v=spf1 a:x//", "v=spf1 x=y", "v=SPF1", "v=spf1 ip6:::ffff:1.2.3.4/100",
	} {
		f.Add(s, "l+o+c@a.example", "2001:db8::1")
	}
	f.Fuzz(func(t *testing.T, record, sender, addr string) {
		ip, err := netip.ParseAddr(addr)
		if err != nil {
			return
		}
		zone := suiteZone{"a.example": {map[string]any{"TXT": record}, map[string]any{"A": "192.0.2.1"}, map[string]any{"MX": []any{1, "a.example"}}}}
		o := spf.Evaluate(t.Context(), zone, spf.Query{Addr: ip, Domain: "a.example", Sender: sender, Helo: "h.example"})
		if o.Result == "" || o.Asked > 11 {
			t.Errorf("%+v", o)
		}
	})
}
