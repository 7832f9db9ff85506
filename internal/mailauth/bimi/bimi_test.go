package bimi_test

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"outrider/internal/egress"
	"outrider/internal/mailauth/bimi"
	"outrider/internal/mailauth/dmarc"
)

// world is DNS and web: names and URLs with their content. "FAIL" is a temporary failure.
type world map[string][]string

func (w world) LookupTXT(_ context.Context, name string) ([]string, error) {
	switch txts := w[name]; {
	case len(txts) == 0:
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	case txts[0] == "FAIL":
		return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	default:
		return txts, nil
	}
}

func (w world) Get(_ context.Context, url string, o egress.Options) (*egress.Response, error) {
	body := strings.Join(w[url], "")
	switch {
	case !o.HTTPSOnly || o.MaxBody == 0:
		return nil, errors.New("careless request")
	case body == "":
		return nil, &egress.Error{URL: url, Status: 404, Err: egress.ErrStatus}
	case body == "FAIL":
		return nil, &egress.Error{URL: url, Status: 503, Err: egress.ErrStatus}
	}
	return &egress.Response{URL: url, Status: 200, Body: []byte(body)}, nil
}

const (
	logoURL = "https://cdn.example/logo.svg"
	docURL  = "https://cdn.example/mark.pem"
	plain   = "v=BIMI1; l=" + logoURL
	proven  = plain + "; a=" + docURL
	inside  = "v=BIMI1; l=; a=" + docURL
)

func TestCheck(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	good := ca.issue(t, mark{logo: goodSVG})
	for name, tc := range map[string]struct {
		txt      []string
		at       string // default._bimi.example.org when ""
		domain   string // example.org when ""
		selector string // default when ""
		logo     string
		doc      string
		roots    *x509.CertPool
		require  bool
		want     bimi.Status
		evidence bimi.Status
	}{
		"no record":                             {want: bimi.None, evidence: bimi.None},
		"records of others":                     {txt: []string{"v=spf1 -all", "BIMI"}, want: bimi.None, evidence: bimi.None},
		"the name server fails":                 {txt: []string{"FAIL"}, want: bimi.TempError, evidence: bimi.None},
		"two records":                           {txt: []string{plain, plain}, want: bimi.Fail, evidence: bimi.None},
		"a malformed record":                    {txt: []string{"v=BIMI1; l=http://cdn.example/"}, want: bimi.Fail, evidence: bimi.None},
		"the domain declines":                   {txt: []string{"v=BIMI1; l=; a=;"}, want: bimi.Declined, evidence: bimi.None},
		"a logo":                                {txt: []string{plain}, logo: goodSVG, want: bimi.Pass, evidence: bimi.None},
		"a compressed logo":                     {txt: []string{plain}, logo: packed(t, goodSVG), want: bimi.Pass, evidence: bimi.None},
		"a decompression bomb":                  {txt: []string{plain}, logo: packed(t, goodSVG+strings.Repeat(" ", 1<<20)), want: bimi.Fail, evidence: bimi.None},
		"a logo that is not there":              {txt: []string{plain}, want: bimi.Fail, evidence: bimi.None},
		"a logo that is not there now":          {txt: []string{plain}, logo: "FAIL", want: bimi.TempError, evidence: bimi.None},
		"a logo with a script":                  {txt: []string{plain}, logo: strings.Replace(goodSVG, "<g>", "<script/><g>", 1), want: bimi.Fail, evidence: bimi.None},
		"a logo without the evidence we want":   {txt: []string{plain}, logo: goodSVG, require: true, want: bimi.Fail, evidence: bimi.None},
		"evidence, and nobody to trust":         {txt: []string{proven}, logo: goodSVG, doc: good, want: bimi.Pass, evidence: bimi.Skipped},
		"evidence":                              {txt: []string{proven}, logo: goodSVG, doc: good, roots: ca.pool(), require: true, want: bimi.Pass, evidence: bimi.Pass},
		"evidence of a stranger":                {txt: []string{proven}, logo: goodSVG, doc: good, roots: other.pool(), want: bimi.Fail, evidence: bimi.Fail},
		"evidence for another logo":             {txt: []string{proven}, logo: strings.Replace(goodSVG, "A title", "B title", 1), doc: good, roots: ca.pool(), want: bimi.Fail, evidence: bimi.Fail},
		"evidence that is not there":            {txt: []string{proven}, logo: goodSVG, roots: ca.pool(), want: bimi.Fail, evidence: bimi.Fail},
		"evidence that is not there now":        {txt: []string{proven}, logo: goodSVG, doc: "FAIL", roots: ca.pool(), want: bimi.TempError, evidence: bimi.TempError},
		"evidence that is none":                 {txt: []string{proven}, logo: goodSVG, doc: "no", roots: ca.pool(), want: bimi.Fail, evidence: bimi.Fail},
		"a logo in the evidence alone":          {txt: []string{inside}, doc: good, roots: ca.pool(), want: bimi.Pass, evidence: bimi.Pass},
		"a logo in evidence that is not looked": {txt: []string{inside}, doc: good, want: bimi.Skipped, evidence: bimi.Skipped},
		"a subdomain":                           {txt: []string{plain}, domain: "News.Example.ORG.", logo: goodSVG, want: bimi.Pass, evidence: bimi.None},
		"a subdomain with a record of its own":  {txt: []string{"v=BIMI1; l="}, at: "default._bimi.news.example.org", domain: "news.example.org", want: bimi.Declined, evidence: bimi.None},
		"a selector":                            {txt: []string{plain}, at: "brand._bimi.example.org", selector: "brand", logo: goodSVG, want: bimi.Pass, evidence: bimi.None},
		"a selector that does not exist":        {txt: []string{plain}, selector: "brand", logo: goodSVG, want: bimi.None, evidence: bimi.None},
		"a selector that is none":               {selector: "a b", want: bimi.Fail, evidence: bimi.None},
		"a domain that is none":                 {domain: "a..b", want: bimi.Fail, evidence: bimi.None},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, domain, selector := tc.at, tc.domain, tc.selector
			if at == "" {
				at = "default._bimi.example.org"
			}
			if domain == "" {
				domain = "example.org"
			}
			if selector == "" {
				selector = bimi.DefaultSelector
			}
			w := world{at: tc.txt, logoURL: {tc.logo}, docURL: {tc.doc}}
			c := bimi.New(bimi.Config{Resolver: w, Fetcher: w, Roots: tc.roots, RequireEvidence: tc.require})
			got := c.Check(t.Context(), domain, selector)
			if got.Status != tc.want || got.Evidence != tc.evidence {
				t.Errorf("got %s, evidence %s: %s", got.Status, got.Evidence, got.Why)
			}
			if pass := got.Status == bimi.Pass; pass != (string(got.Logo) == goodSVG) || !pass && got.Logo != nil {
				t.Errorf("logo %q", got.Logo)
			}
			if (got.Evidence == bimi.Pass) != strings.Contains(got.Mark, "Example Org") {
				t.Errorf("mark %q", got.Mark)
			}
		})
	}
}

func TestEligible(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pass   bool
		record string
		want   bool
	}{
		{true, "p=reject", true},
		{true, "p=reject; sp=quarantine", true},
		{true, "p=quarantine; sp=reject", true},
		{true, "p=quarantine; t=n", true},
		{true, "p=quarantine; t=y", false},
		{true, "p=reject; t=y", false},
		{true, "p=none", false},
		{true, "p=none; sp=reject", false},
		{true, "p=reject; sp=none", false},
		{false, "p=reject", false},
	} {
		r, err := dmarc.ParseRecord("v=DMARC1; " + tc.record)
		if err != nil {
			t.Fatal(err)
		}
		for _, policy := range []dmarc.Disposition{r.Policy, cmp.Or(r.Subdomain, r.Policy)} {
			if got := bimi.Eligible(tc.pass, &dmarc.Outcome{Record: r, Policy: policy}); got != tc.want {
				t.Errorf("%+v with %s: got %t", tc, policy, got)
			}
		}
	}
	if bimi.Eligible(true, &dmarc.Outcome{}) {
		t.Error("a domain without a policy is eligible")
	}
}

// records are texts with what they say, or "" where they are malformed.
var records = map[string]string{
	plain:                                  "l=" + logoURL + " a= personal=false",
	proven + ";":                           "l=" + logoURL + " a=" + docURL + " personal=false",
	plain + "; avp=personal; x=y":          "l=" + logoURL + " a= personal=true",
	plain + "; avp=brand; a=self":          "l=" + logoURL + " a= personal=false",
	inside:                                 "l= a=" + docURL + " personal=false",
	"v=BIMI1; l=; a=":                      "l= a= personal=false",
	"v=BIMI1; l=":                          "l= a= personal=false",
	"v=BIMI1":                              "",
	"v=bimi1; l=":                          "",
	"l=; v=BIMI1":                          "",
	"v=BIMI1; l=http://cdn.example/x":      "",
	"v=BIMI1; l=https:///x":                "",
	"v=BIMI1; l=https://u:p@cdn.example/x": "",
	"v=BIMI1; l=javascript:alert(1)":       "",
	"v=BIMI1; l=; a=http://cdn.example/x":  "",
	"v=BIMI1; l=; l=":                      "",
	"v=BIMI1; l=https://cdn.example/" + strings.Repeat("x", 3000): "",
	"v=BIMI1; l=; x=" + strings.Repeat("x", 5000):                 "",
	"": "",
}

func TestParseRecord(t *testing.T) {
	t.Parallel()
	for txt, want := range records {
		r, err := bimi.ParseRecord(txt)
		got := fmt.Sprintf("l=%s a=%s personal=%t", r.Location, r.Authority, r.Personal)
		if want == "" && !errors.Is(err, bimi.ErrRecord) || want != "" && (err != nil || got != want) {
			t.Errorf("%.80q: got %s, %v", txt, got, err)
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	for txt := range records {
		f.Add(txt)
	}
	f.Fuzz(func(t *testing.T, txt string) {
		r, err := bimi.ParseRecord(txt)
		for _, url := range []string{r.Location, r.Authority} {
			if url != "" && (err != nil || !strings.HasPrefix(strings.ToLower(url), "https://")) {
				t.Errorf("got %+v, %v", r, err)
			}
		}
	})
}
