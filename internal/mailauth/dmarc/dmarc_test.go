package dmarc_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"outrider/internal/mailauth/dkim"
	"outrider/internal/mailauth/dmarc"
)

// zone answers from lines "NAME VALUE": TXT records, "MX" and "A" for existence, and
// "FAIL" for a temporary error.
type zone struct {
	records map[string][]string
	asked   map[string]int
}

func newZone(text string) *zone {
	z := &zone{records: map[string][]string{}, asked: map[string]int{}}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			z.records[name] = append(z.records[name], value)
		}
	}
	return z
}

func (z *zone) find(name, kind string) ([]string, error) {
	z.asked[name]++
	var out []string
	for _, r := range z.records[name] {
		switch {
		case r == "FAIL":
			return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
		case kind == "TXT" && r != "MX" && r != "A", r == kind:
			out = append(out, r)
		}
	}
	if out == nil {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return out, nil
}

func (z *zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	return z.find(name, "TXT")
}

func (z *zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	if _, err := z.find(name, "MX"); err != nil {
		return nil, err
	}
	return []*net.MX{{Host: "mx.example."}}, nil
}

func (z *zone) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	if _, err := z.find(name, "A"); err != nil {
		return nil, err
	}
	return []net.IPAddr{{IP: net.IPv4(192, 0, 2, 1)}}, nil
}

const names = `
_dmarc.example.com v=DMARC1; p=reject; sp=quarantine; np=reject; rua=mailto:d@example.com
_dmarc.list.example.com v=DMARC1; p=none; psd=n
_dmarc.strict.example v=DMARC1; p=reject; adkim=s; aspf=s
_dmarc.testing.example v=DMARC1; p=reject; t=y
_dmarc.softer.example v=DMARC1; p=quarantine; t=y
_dmarc.suffix.example v=DMARC1; p=reject; psd=y
_dmarc.twice.example v=DMARC1; p=reject
_dmarc.twice.example v=DMARC1; p=none
_dmarc.bad.example v=DMARC1; p=rejekt
_dmarc.reported.example v=DMARC1; p=rejekt; rua=mailto:d@reported.example
_dmarc.nopolicy.example v=DMARC1
_dmarc.broken.example FAIL
_dmarc.other.example v=DMARC1; p=none
real.example.com A
mail.example.com MX
slow.example.com FAIL
`

func TestEvaluate(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		authors, spf, dkim string // domains; a proof is "domain" for pass or "domain=result"
		want               string // result, policy/applied by tag at domain, alignments
	}{
		"spf aligns":                                        {authors: "example.com", spf: "example.com", want: "pass reject/reject p at example.com: spf example.com strict"},
		"dkim of a subdomain aligns":                        {authors: "example.com", dkim: "mail.example.com", want: "pass reject/reject p at example.com: dkim mail.example.com"},
		"a subdomain is proved by its organization":         {authors: "real.example.com", dkim: "example.com", want: "pass quarantine/quarantine sp at example.com: dkim example.com"},
		"a failed proof proves nothing":                     {authors: "example.com", dkim: "example.com=fail", want: "fail reject/reject p at example.com unaligned"},
		"a signature that policy refuses is none":           {authors: "example.com", dkim: "example.com=policy", want: "fail reject/reject p at example.com unaligned"},
		"another organization proves nothing":               {authors: "example.com", spf: "example.net", dkim: "evil.com", want: "fail reject/reject p at example.com unaligned"},
		"a subdomain with mail takes sp":                    {authors: "mail.example.com", want: "fail quarantine/quarantine sp at example.com unaligned"},
		"a missing subdomain takes np":                      {authors: "ghost.example.com", want: "fail reject/reject np at example.com unaligned"},
		"an unknown subdomain is taken for existing":        {authors: "slow.example.com", want: "fail quarantine/quarantine sp at example.com unaligned"},
		"psd=n cuts an organization out":                    {authors: "list.example.com", dkim: "example.com", want: "fail none/none p at list.example.com unaligned"},
		"below psd=n":                                       {authors: "a.list.example.com", dkim: "b.list.example.com", want: "pass none/none p at list.example.com: dkim b.list.example.com"},
		"strict mode refuses a subdomain":                   {authors: "strict.example", dkim: "mail.strict.example", want: "fail reject/reject p at strict.example unaligned"},
		"strict mode takes the same domain":                 {authors: "strict.example", dkim: "strict.example", want: "pass reject/reject p at strict.example: dkim strict.example strict"},
		"testing lowers reject":                             {authors: "testing.example", want: "fail reject/quarantine p at testing.example unaligned"},
		"testing lowers quarantine":                         {authors: "softer.example", want: "fail quarantine/none p at softer.example unaligned"},
		"a public suffix holds below":                       {authors: "shop.suffix.example", want: "fail reject/reject p at suffix.example unaligned"},
		"two names below a public suffix":                   {authors: "shop.suffix.example", dkim: "evil.suffix.example", want: "fail reject/reject p at suffix.example unaligned"},
		"one name below a public suffix":                    {authors: "a.shop.suffix.example", dkim: "shop.suffix.example", want: "pass reject/reject p at suffix.example: dkim shop.suffix.example"},
		"the public suffix does not prove what it is above": {authors: "shop.suffix.example", dkim: "suffix.example", want: "fail reject/reject p at suffix.example unaligned"},
		"two records count as none":                         {authors: "twice.example", want: "none no-record"},
		"no record":                                         {authors: "nobody.test", dkim: "nobody.test", want: "none no-record"},
		"a policy misspelt":                                 {authors: "bad.example", want: "permerror bad-record"},
		"a policy misspelt with somebody to tell":           {authors: "reported.example", want: "fail none/none p at reported.example unaligned"},
		"no policy at all means none":                       {authors: "nopolicy.example", want: "fail none/none p at nopolicy.example unaligned"},
		"dns fails":                                         {authors: "broken.example", dkim: "broken.example", want: "temperror dns"},
		"dns fails above":                                   {authors: "a.broken.example", want: "temperror dns"},
		"an unfinished signature of the author":             {authors: "example.com", dkim: "example.com=temperror", want: "temperror reject/reject p at example.com unfinished"},
		"an unfinished signature of somebody else":          {authors: "example.com", dkim: "evil.com=temperror", want: "fail reject/reject p at example.com unaligned"},
		"of two authors the worse counts":                   {authors: "other.example example.com", dkim: "other.example", want: "fail reject/reject p at example.com unaligned"},
		"of two authors in the other order":                 {authors: "example.com other.example", dkim: "other.example", want: "fail reject/reject p at example.com unaligned"},
		"no author":                                         {want: "none no-author"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := dmarc.Input{Authors: strings.Fields(tc.authors), SPF: proof(tc.spf)}
			for d := range strings.FieldsSeq(tc.dkim) {
				in.DKIM = append(in.DKIM, proof(d))
			}
			e := dmarc.Evaluator{Resolver: newZone(names)}
			if got := show(&e.Evaluate(t.Context(), in).Outcome); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func proof(s string) dmarc.Proof {
	domain, result, ok := strings.Cut(s, "=")
	if !ok {
		result = "pass"
	}
	return dmarc.Proof{Domain: domain, Result: dkim.Result(result)}
}

func show(o *dmarc.Outcome) string {
	out := string(o.Result)
	if o.FoundAt != "" {
		out += " " + string(o.Policy) + "/" + string(o.Apply) + " " + o.Tag + " at " + o.FoundAt
	}
	for _, a := range o.Aligned {
		out += ": " + string(a.Method) + " " + a.Domain
		if a.Strict {
			out += " strict"
		}
	}
	if o.Why != "" {
		out += " " + string(o.Why)
	}
	return out
}

func TestAWalkAsksAtMostEightQuestions(t *testing.T) {
	t.Parallel()
	z := newZone("")
	e := dmarc.Evaluator{Resolver: z}
	e.Evaluate(t.Context(), dmarc.Input{Authors: []string{"a.b.c.d.e.f.g.h.i.j.mail.example.com"}})
	want := []string{
		"a.b.c.d.e.f.g.h.i.j.mail.example.com", "g.h.i.j.mail.example.com", "h.i.j.mail.example.com", "i.j.mail.example.com",
		"j.mail.example.com", "mail.example.com", "example.com", "com",
	}
	for _, name := range want {
		if z.asked["_dmarc."+name] != 1 {
			t.Errorf("%s was asked %d times", name, z.asked["_dmarc."+name])
		}
	}
	if len(z.asked) != len(want) {
		t.Errorf("asked %v", z.asked)
	}
}

func TestPublicSuffixList(t *testing.T) {
	t.Parallel()
	z := newZone(names)
	e := dmarc.Evaluator{Resolver: z, PublicSuffix: true}
	got := e.Evaluate(t.Context(), dmarc.Input{Authors: []string{"a.b.real.example.com"}, DKIM: []dmarc.Proof{proof("example.com")}})
	if s := show(&got.Outcome); s != "pass reject/reject np at example.com: dkim example.com" {
		t.Errorf("got %s", s)
	}
	if z.asked["_dmarc.com"] > 0 || z.asked["_dmarc.real.example.com"] > 0 {
		t.Errorf("the tree was walked: %v", z.asked)
	}
}

func TestAuthorsAreBounded(t *testing.T) {
	t.Parallel()
	z := newZone(names)
	e := dmarc.Evaluator{Resolver: z}
	in := dmarc.Input{Authors: []string{"a.test", "b.test", "c.test", "d.test", "e.test", "f.test", "g.test"}}
	if got := e.Evaluate(t.Context(), in); got.Skipped != 2 || len(got.Outcomes) != 5 || z.asked["_dmarc.f.test"] != 0 {
		t.Errorf("skipped %d, evaluated %d", got.Skipped, len(got.Outcomes))
	}
}

func TestParseRecord(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"v=DMARC1; p=reject":                          "reject",
		"v=DMARC1;p=REJECT;":                          "reject",
		"v = DMARC1 ; p = reject ; unknown=1":         "reject ignored unknown",
		"v=DMARC1; p=reject; p=none":                  "reject ignored p",
		"v=DMARC1; p=reject; pct=50; ri=1":            "reject ignored pct ri",
		"v=DMARC1; p=none; sp=x; rua=mailto:a@b.test": "none ignored sp",
		"v=DMARC1; p=reject; adkim=x; =; psd":         "reject ignored adkim  ",
		"v=dmarc1; p=reject":                          "error",
		"p=reject; v=DMARC1":                          "error",
		"v=DMARC1; p=none; sp=x":                      "error",
		"v=DMARC12; p=none":                           "error",
		"":                                            "error",
	} {
		r, err := dmarc.ParseRecord(text)
		got := string(r.Policy)
		if len(r.Ignored) > 0 {
			got += " ignored " + strings.Join(r.Ignored, " ")
		}
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestOrganizationsAreSymmetric checks on random trees that alignment of two domains is
// symmetric, and that no evaluation queries a name twice.
func TestOrganizationsAreSymmetric(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		domains := []string{"test", "a.test", "b.test", "x.a.test", "y.a.test", "z.x.a.test"}
		zone := newZone("")
		for _, d := range domains {
			if psd := rapid.SampledFrom([]string{"", "u", "y", "n"}).Draw(t, d); psd != "" {
				zone.records["_dmarc."+d] = []string{"v=DMARC1; p=reject; psd=" + psd}
			}
		}
		one, two := rapid.SampledFrom(domains).Draw(t, "one"), rapid.SampledFrom(domains).Draw(t, "two")
		e := dmarc.Evaluator{Resolver: zone}
		evaluate := func(author, proved string) dmarc.Outcome {
			clear(zone.asked)
			o := e.Evaluate(t.Context(), dmarc.Input{Authors: []string{author}, DKIM: []dmarc.Proof{proof(proved)}}).Outcome
			for name, n := range zone.asked {
				if n > 1 && strings.HasPrefix(name, "_dmarc.") {
					t.Fatalf("%s was asked %d times", name, n)
				}
			}
			return o
		}
		there, back := evaluate(one, two), evaluate(two, one)
		if there.FoundAt != "" && back.FoundAt != "" && there.Result != back.Result {
			t.Fatalf("%s by %s: %+v, back %+v", one, two, there, back)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	f.Add("v=DMARC1; p=reject; sp=none; np=quarantine; adkim=s; aspf=r; t=y; psd=n; rua=mailto:a@b.test,mailto:c@d.test!10m; fo=1:d")
	f.Add("v=DMARC1;;;p=;=;")
	f.Add("v=DMARC1; p=none; p=none")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := dmarc.ParseRecord(text)
		if err == nil && (!dmarc.IsRecord(text) || r.Policy == "" || r.PSD == 0) {
			t.Errorf("%q became %+v", text, r)
		}
	})
}
