package dkim_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"outrider/internal/budget"
	"outrider/internal/mailauth/dkim"
)

// zone answers TXT questions from a table; "TEMPERROR" is a temporary error.
type zone map[string][]string

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	txts, ok := z[name]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	if txts[0] == "TEMPERROR" {
		return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	}
	return txts, nil
}

// keys returns the keys of all tests: making RSA keys is slow.
var keys = sync.OnceValue(func() (k struct {
	rsa *rsa.PrivateKey
	ed  ed25519.PrivateKey
}) {
	k.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	_, k.ed, _ = ed25519.GenerateKey(rand.Reader)
	return k
})

func rsaRecord() string {
	der, err := x509.MarshalPKIXPublicKey(&keys().rsa.PublicKey)
	if err != nil {
		panic(err)
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
}

func edRecord() string {
	return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(keys().ed.Public().(ed25519.PublicKey))
}

func testZone() zone {
	return zone{
		"r._domainkey.example.org":        {rsaRecord()},
		"e._domainkey.example.org":        {edRecord()},
		"pkcs1._domainkey.example.org":    {"p=" + base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&keys().rsa.PublicKey))},
		"both._domainkey.example.org":     {edRecord(), rsaRecord(), "rubbish"},
		"testing._domainkey.example.org":  {rsaRecord() + "; t=y"},
		"strict._domainkey.example.org":   {rsaRecord() + "; t=s"},
		"revoked._domainkey.example.org":  {"v=DKIM1; p="},
		"sha1._domainkey.example.org":     {rsaRecord() + "; h=sha1"},
		"web._domainkey.example.org":      {rsaRecord() + "; s=tlsrpt"},
		"granular._domainkey.example.org": {rsaRecord() + "; g=nobody"},
		"version._domainkey.example.org":  {"v=DKIM2; " + rsaRecord()},
		"rubbish._domainkey.example.org":  {"p=!!!"},
		"short._domainkey.example.org":    {"p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAMIAqW5Yh6eNsZ2vkZnHuWrHvF4aF5xqvZ2L8C3n4kZq0m0o1S3m6k2r1T5q3Jx9w9r0d2gqVQz0m1c1J0m3f8sCAwEAAQ=="},
		"slow._domainkey.example.org":     {"TEMPERROR"},
	}
}

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func verify(tb testing.TB, raw string) *dkim.Verification {
	tb.Helper()
	v := dkim.Verifier{Resolver: testZone(), Now: func() time.Time { return now }}
	return v.Verify(tb.Context(), []byte(raw), budget.New(budget.Default()))
}

func sign(tb testing.TB, s dkim.Signer, raw string) string {
	tb.Helper()
	if s.Key == nil {
		s.Key = crypto.Signer(keys().rsa)
	}
	s.Domain = "example.org"
	if s.Selector == "" {
		s.Selector = "r"
	}
	field, err := s.Sign([]byte(raw))
	if err != nil {
		tb.Fatal(err)
	}
	return field + raw
}

const letter = "From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject:  A   letter\r\nDate: Fri, 1 May 2026 12:00:00 +0000\r\n" +
	"\r\nDear Bob,  \r\n\r\nit is\tfine.\r\n\r\n\r\n"

func TestVerify(t *testing.T) {
	t.Parallel()
	from := func(old, repl string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, repl, 1) }
	}
	simple := dkim.Signer{Header: dkim.Simple, Body: dkim.Simple}
	for name, tc := range map[string]struct {
		signer dkim.Signer
		change func(string) string
		want   string
	}{
		"relaxed":                        {want: "pass"},
		"simple":                         {signer: simple, want: "pass"},
		"ed25519":                        {signer: dkim.Signer{Key: keys().ed, Selector: "e"}, want: "pass"},
		"a key as PKCS 1":                {signer: dkim.Signer{Selector: "pkcs1"}, want: "pass"},
		"two keys under one name":        {signer: dkim.Signer{Selector: "both"}, want: "pass"},
		"a key in testing":               {signer: dkim.Signer{Selector: "testing"}, want: "pass"},
		"an old granular key":            {signer: dkim.Signer{Selector: "granular"}, want: "pass"},
		"white space in the subject":     {change: from("  A   letter", " A letter "), want: "pass"},
		"white space, simple":            {signer: simple, change: from("  A   letter", " A letter"), want: "fail signature"},
		"white space in the body":        {change: from("it is\tfine.", "it  is fine. "), want: "pass"},
		"white space in the body simple": {signer: simple, change: from("\tfine.", " fine."), want: "fail body-hash"},
		"lines at the end":               {signer: simple, change: func(s string) string { return s + "\r\n\r\n" }, want: "pass"},
		"text at the end":                {change: func(s string) string { return s + "Pay me.\r\n" }, want: "fail body-hash"},
		"another subject":                {change: from("letter", "bill"), want: "fail signature"},
		"a second subject on top":        {change: func(s string) string { return "Subject: bill\r\n" + s }, want: "fail signature"},
		"a second field that is not over-signed": {
			change: func(s string) string { return "Cc: eve@example.com\r\n" + s }, want: "pass",
		},
		"a subdomain in i=":           {signer: dkim.Signer{Identity: "ann@mail.example.org"}, want: "pass"},
		"an encoded at in i=":         {signer: dkim.Signer{Identity: "ann=40=6dail.example.org"}, want: "pass"},
		"another encoded domain":      {signer: dkim.Signer{Identity: "ann=40evil.test"}, want: "permerror identity"},
		"a subdomain and t=s":         {signer: dkim.Signer{Identity: "ann@mail.example.org", Selector: "strict"}, want: "permerror identity"},
		"another domain in i=":        {signer: dkim.Signer{Identity: "ann@evilexample.org"}, want: "permerror identity"},
		"expired":                     {signer: dkim.Signer{Created: now.Add(-time.Hour), Expires: now.Add(-time.Minute)}, want: "permerror expired"},
		"not yet expired":             {signer: dkim.Signer{Created: now, Expires: now.Add(time.Minute)}, want: "pass"},
		"expired before it was made":  {signer: dkim.Signer{Created: now, Expires: now}, want: "permerror syntax"},
		"revoked":                     {signer: dkim.Signer{Selector: "revoked"}, want: "permerror key-revoked"},
		"no key":                      {signer: dkim.Signer{Selector: "none"}, want: "permerror no-key"},
		"dns fails":                   {signer: dkim.Signer{Selector: "slow"}, want: "temperror dns"},
		"a key of another type":       {signer: dkim.Signer{Selector: "e"}, want: "permerror key-type"},
		"a key for sha1 only":         {signer: dkim.Signer{Selector: "sha1"}, want: "permerror key-type"},
		"a key for another service":   {signer: dkim.Signer{Selector: "web"}, want: "permerror key-service"},
		"a key of another version":    {signer: dkim.Signer{Selector: "version"}, want: "permerror key-syntax"},
		"a key that is none":          {signer: dkim.Signer{Selector: "rubbish"}, want: "permerror key-syntax"},
		"a short key":                 {signer: dkim.Signer{Selector: "short"}, want: "permerror key-short"},
		"version 2":                   {change: from("v=1;", "v=2;"), want: "permerror version"},
		"sha1":                        {change: from("rsa-sha256", "rsa-sha1"), want: "permerror algorithm-retired"},
		"an unknown algorithm":        {change: from("rsa-sha256", "rot13"), want: "permerror algorithm"},
		"an unknown canonicalization": {change: from("c=relaxed", "c=nofws"), want: "permerror canonicalization"},
		"an unknown query method":     {change: from("v=1;", "v=1; q=carrier/pigeon;"), want: "permerror query-method"},
		"no domain":                   {change: from("d=example.org;", ""), want: "permerror missing-tag"},
		"a tag twice":                 {change: from("v=1;", "v=1; d=example.com;"), want: "permerror syntax"},
		"From is not signed":          {signer: dkim.Signer{Fields: []string{"subject"}, Oversign: []string{}}, want: "permerror from-unsigned"},
		"l= beyond the body":          {change: from("v=1;", "v=1; l=99999;"), want: "permerror length-beyond"},
		"a bare LF in the header":     {change: from("To: ", "X-A: b\nX-C: d\r\nTo: "), want: "policy line-ends"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := sign(t, tc.signer, letter)
			if tc.change != nil {
				raw = tc.change(raw)
			}
			got := verify(t, raw).Signatures
			if len(got) != 1 {
				t.Fatalf("%d signatures", len(got))
			}
			if s := strings.TrimSpace(string(got[0].Result) + " " + string(got[0].Why)); s != tc.want {
				t.Errorf("got %s (%s), want %s\n%s", s, got[0].Detail, tc.want, raw)
			}
		})
	}
}

func TestFacts(t *testing.T) {
	t.Parallel()
	raw := sign(t, dkim.Signer{Selector: "testing", Identity: "@example.org", Created: now}, letter)
	s := verify(t, raw).Signatures[0]
	if s.Domain != "example.org" || s.Selector != "testing" || s.Identity != "@example.org" || s.Algorithm != "rsa-sha256" || s.Length != -1 ||
		!s.Created.Equal(now) || s.Key.Bits != 2048 || !s.Key.Testing || s.Header != dkim.Relaxed || s.Fields != 4 {
		t.Errorf("got %+v", s)
	}
	for _, c := range s.Coverage {
		if !c.Covered() || c.Field != "content-type" && c.Present != 1 || !c.Oversigned() {
			t.Errorf("coverage of %s: %+v", c.Field, c)
		}
	}
}

func TestLocalFormIsTakenAsCRLF(t *testing.T) {
	t.Parallel()
	v := verify(t, strings.ReplaceAll(sign(t, dkim.Signer{}, letter), "\r\n", "\n"))
	if !v.LocalForm || v.Signatures[0].Result != dkim.Pass {
		t.Errorf("got %+v", v)
	}
}

func TestUnsignedTailIsNoPass(t *testing.T) {
	t.Parallel()
	_, n := dkim.BodySum([]byte(letter), dkim.Relaxed)
	s := dkim.Signer{Domain: "example.org", Selector: "r", Key: keys().rsa}
	field, err := s.SignAs("DKIM-Signature", dkim.Open([]byte(letter)), []dkim.Tag{{Name: "v", Value: "1"}, {Name: "l", Value: strconv.FormatInt(n, 10)}})
	if err != nil {
		t.Fatal(err)
	}
	if got := verify(t, field+letter).Signatures[0]; got.Result != dkim.Pass || got.Length != n || got.Unsigned != 0 {
		t.Errorf("the whole body: %+v", got)
	}
	got := verify(t, field+strings.TrimRight(letter, "\r\n")+"\r\nPay me.\r\n").Signatures[0]
	if got.Result != dkim.Policy || got.Why != dkim.WhyLength || got.Unsigned != 9 {
		t.Errorf("a tail: %+v", got)
	}
}

func TestSignatureOfSignatures(t *testing.T) {
	t.Parallel()
	s := dkim.Signer{Fields: []string{"from", "dkim-signature", "dkim-signature"}, Oversign: []string{}}
	first := dkim.Signer{Fields: []string{"from"}, Oversign: []string{}}
	v := verify(t, sign(t, s, sign(t, first, letter)))
	for i, want := range []int{2, 1} {
		if got := v.Signatures[i]; got.Result != dkim.Pass || got.Fields != want {
			t.Errorf("signature %d: %s (%s) over %d fields", i, got.Result, got.Detail, got.Fields)
		}
	}
}

func TestSignaturesAreBounded(t *testing.T) {
	t.Parallel()
	one := sign(t, dkim.Signer{}, letter)
	field := one[:len(one)-len(letter)]
	v := verify(t, strings.Repeat(field, 60)+letter)
	count := map[dkim.Why]int{}
	for _, s := range v.Signatures {
		count[s.Why]++
	}
	most := int(budget.Default().Of[budget.Signatures])
	if v.Skipped != 10 || count[""] != most || count[dkim.WhyBudget] != 50-most {
		t.Errorf("skipped %d, reasons %v", v.Skipped, count)
	}
}

func TestSignerRefuses(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]dkim.Signer{
		"no key":           {Domain: "example.org", Selector: "r"},
		"an injection":     {Domain: "example.org; d=bank.example", Selector: "r", Key: keys().ed},
		"an injected line": {Domain: "example.org", Selector: "r", Key: keys().ed, Identity: "a@example.org\r\nX: y"},
	} {
		if f, err := s.Sign([]byte(letter)); err == nil {
			t.Errorf("%s: got %q", name, f)
		}
	}
}

// TestBodyCanonicalization compares with the rules written down the slow way.
func TestBodyCanonicalization(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{" ", "  ", "\t", "a", "bc", "\r\n", "\r\n\r\n", "\n", "\r", strings.Repeat("x", 5000)})).Draw(t, "parts")
		body := strings.Join(parts, "")
		raw := []byte("A: b\r\n\r\n" + body)
		for c, want := range map[dkim.Canon]string{dkim.Simple: slowSimple(body), dkim.Relaxed: slowRelaxed(body)} {
			if sum, n := dkim.BodySum(raw, c); n != int64(len(want)) || !bytes.Equal(sum, dkim.Sum([]byte(want))) {
				t.Fatalf("%s of %q: %d bytes, want %q", c, body, n, want)
			}
		}
	})
}

func slowSimple(body string) string {
	for strings.HasSuffix(body, "\r\n") {
		body = strings.TrimSuffix(body, "\r\n")
	}
	return body + "\r\n"
}

func slowRelaxed(body string) string {
	lines := strings.Split(body, "\r\n")
	for i, l := range lines {
		l = strings.ReplaceAll(l, "\t", " ")
		for strings.Contains(l, "  ") {
			l = strings.ReplaceAll(l, "  ", " ")
		}
		lines[i] = strings.TrimSuffix(l, " ")
	}
	out := slowSimple(strings.Join(lines, "\r\n"))
	if out == "\r\n" {
		return ""
	}
	return out
}

func FuzzParseTags(f *testing.F) {
	f.Add("v=1; a=rsa-sha256; b=\r\n a b")
	f.Add(";;=; a=")
	f.Fuzz(func(t *testing.T, list string) {
		tags, err := dkim.ParseTags(list)
		if err != nil {
			return
		}
		for _, tag := range tags {
			if tag.Start > tag.End || tag.End > len(list) || strings.Trim(list[tag.Start:tag.End], " \t\r\n") != tag.Value {
				t.Errorf("%q: tag %+v", list, tag)
			}
		}
	})
}

func FuzzParseKey(f *testing.F) {
	for _, txts := range testZone() {
		f.Add(txts[0])
	}
	f.Fuzz(func(t *testing.T, txt string) {
		if k, err := dkim.ParseKey(txt); err == nil && (k.Bits < 256 || k.Revoked) {
			t.Errorf("%q became %+v", txt, k)
		}
	})
}

func FuzzParseParams(f *testing.F) {
	one := sign(f, dkim.Signer{Created: now}, letter)
	f.Add(one[:len(one)-len(letter)])
	f.Add("DKIM-Signature: v=1; a=rsa-sha256; d=a.b; s=c; h=from; bh=aa==; b=aa==; l=99999999999999999999; t=0; x=9999999999999")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := dkim.ParseParams(dkim.NewField(text))
		if err == nil && (p.Domain == "" || p.Selector == "" || p.Value == nil || p.Length < -1) {
			t.Errorf("%q became %+v", text, p)
		}
	})
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(sign(f, dkim.Signer{}, letter)))
	f.Add([]byte(sign(f, dkim.Signer{Header: dkim.Simple, Body: dkim.Simple}, letter)))
	f.Add([]byte("DKIM-Signature: v=1; l=0\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		v := verify(t, string(raw))
		if !bytes.Equal(raw, before) {
			t.Error("Verify changed its input")
		}
		for _, s := range v.Signatures {
			if (s.Result == dkim.Pass) != (s.Why == "") {
				t.Errorf("result %q, why %q", s.Result, s.Why)
			}
			if s.Result == dkim.Pass && s.Domain != "example.org" {
				t.Errorf("%q proves %s", raw, s.Domain)
			}
		}
	})
}

// TestHostileMessagesEnd runs input that blocks a quadratic parser; the time limit of the
// test is the check.
func TestHostileMessagesEnd(t *testing.T) {
	t.Parallel()
	const n = 1 << 20
	field := sign(t, dkim.Signer{Fields: []string{"from", "subject"}}, letter)
	field = field[:len(field)-len(letter)]
	many := "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=r; bh=aa==; b=aa==; h=from" + strings.Repeat(":a", 7000) + "\r\n"
	for name, tc := range map[string]struct {
		raw  string
		want dkim.Result // of every signature; "" for any
	}{
		"many fields":           {field + strings.Repeat("a:b\r\n", n) + letter, dkim.Pass},
		"many names and fields": {strings.Repeat(many, 20) + strings.Repeat("a:b\r\n", n/4) + "\r\n", ""},
		"one long fold":         {field + "Subject: " + strings.Repeat("a\r\n ", n) + "\r\n\r\n", dkim.Fail},
		"bare LF":               {field + letter + strings.Repeat("\n", 4*n), dkim.Fail},
		"bare CR":               {field + letter + strings.Repeat("\r", 4*n), dkim.Fail},
		"empty lines":           {field + letter + strings.Repeat("\r\n", 2*n), dkim.Pass},
		"white space":           {field + letter + strings.Repeat(" \t", 2*n), dkim.Pass},
		"lines of white space":  {field + letter + strings.Repeat(" \r\n", n) + "x", dkim.Fail},
		"colons":                {strings.Repeat(":", 4*n), ""},
		"semicolons":            {"DKIM-Signature: " + strings.Repeat(";", 4*n) + "\r\n\r\n", dkim.PermError},
	} {
		for _, s := range verify(t, tc.raw).Signatures {
			if tc.want != "" && s.Result != tc.want {
				t.Errorf("%s: %s (%s)", name, s.Result, s.Detail)
			}
		}
	}
}
