package mailauth_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"outrider/internal/budget"
	"outrider/internal/config"
	"outrider/internal/dns"
	"outrider/internal/mailauth"
	"outrider/internal/mailtest"
	"outrider/internal/message"
	"outrider/internal/smtp"
	"outrider/internal/tenant"
)

const plain = "From: Ann <ann@example.org>\r\nTo: x@there.example\r\nSubject: s\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nbody\r\n"

const zone = `
example.org. TXT "v=spf1 ip4:192.0.2.0/24 -all"
_dmarc.example.org. TXT "v=DMARC1; p=reject; sp=quarantine"
strict.example. TXT "v=spf1 ip4:192.0.2.0/24 -all"
_dmarc.strict.example. TXT "v=DMARC1; p=reject; aspf=s; adkim=s"
mail.strict.example. TXT "v=spf1 ip4:192.0.2.0/24 -all"
twice.example. TXT "v=spf1 -all"
_dmarc.twice.example. TXT "v=DMARC1; p=reject"
_dmarc.twice.example. TXT "v=DMARC1; p=none"
helo.example. TXT "v=spf1 ip4:192.0.2.9 -all"
_dmarc.helo.example. TXT "v=DMARC1; p=reject"
fail broken.example
fail _dmarc.broken.example
`

// sign signs raw for domain with a fresh key and returns it with the key record.
func sign(t *testing.T, domain, raw string) (signed, record string) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := dkim.Sign(&b, strings.NewReader(raw), &dkim.SignOptions{Domain: domain, Selector: "s", Signer: crypto.Signer(key)}); err != nil {
		t.Fatal(err)
	}
	return b.String(), fmt.Sprintf("s._domainkey.%s. TXT \"v=DKIM1; k=ed25519; p=%s\"\n", domain, base64.StdEncoding.EncodeToString(pub))
}

func received(raw, from, ip string) (*message.Received, *message.Message) {
	r := &message.Received{
		Source: message.SourceSMTP, At: time.Now(), Body: message.NewBody([]byte(raw)),
		Envelope: smtp.Envelope{From: from}, Peer: message.Peer{Helo: "helo.example", Addr: netip.MustParseAddr(ip)},
	}
	return r, message.Parse([]byte(raw), budget.New(budget.Default()))
}

func verify(t *testing.T, zone, raw, from, ip string) mailauth.Results {
	t.Helper()
	z := mailtest.StartZone(t, zone)
	c, err := dns.New(dns.Config{Servers: []string{z.Addr}, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	b := budget.New(budget.Default())
	r, m := received(raw, from, ip)
	return mailauth.Verify(t.Context(), r, m, nil, c.For(b), b)
}

func from(addr string) string { return strings.Replace(plain, "ann@example.org", addr, 1) }

func TestSPFAndDMARC(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		raw, from, ip string
		spf           mailauth.Result
		dmarc         mailauth.Result
		policy        string
	}{
		"the right network":                               {plain, "ann@example.org", "192.0.2.1", mailauth.Pass, mailauth.Pass, "reject"},
		"the wrong network":                               {plain, "ann@example.org", "198.51.100.1", mailauth.Fail, mailauth.Fail, "reject"},
		"a pass for somebody else is not aligned":         {plain, "x@strict.example", "192.0.2.1", mailauth.Pass, mailauth.Fail, "reject"},
		"a subdomain gets sp and aligns relaxed":          {from("ann@mail.example.org"), "ann@example.org", "192.0.2.1", mailauth.Pass, mailauth.Pass, "quarantine"},
		"strict alignment refuses a subdomain":            {from("ann@strict.example"), "x@mail.strict.example", "192.0.2.1", mailauth.Pass, mailauth.Fail, "reject"},
		"the null sender is checked by HELO":              {plain, "", "192.0.2.9", mailauth.Pass, mailauth.Fail, "reject"},
		"the null sender of the author's own host":        {from("a@helo.example"), "", "192.0.2.9", mailauth.Pass, mailauth.Fail, "reject"},
		"no record at all":                                {from("a@none.example"), "a@none.example", "192.0.2.1", mailauth.None, mailauth.None, ""},
		"two records count as none":                       {from("a@twice.example"), "a@twice.example", "192.0.2.1", mailauth.Fail, mailauth.None, ""},
		"a server that fails leaves it open":              {from("a@broken.example"), "a@broken.example", "192.0.2.1", mailauth.TempError, mailauth.TempError, ""},
		"several author domains are outside DMARC":        {from("ann@example.org>, Bob <bob@other.example"), "ann@example.org", "192.0.2.1", mailauth.Pass, mailauth.None, ""},
		"several authors of one domain are judged as one": {from("ann@example.org>, Bob <bob@example.org"), "ann@example.org", "192.0.2.1", mailauth.Pass, mailauth.Pass, "reject"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := verify(t, zone, tc.raw, tc.from, tc.ip)
			if res.SPF.Result != tc.spf || res.DMARC.Result != tc.dmarc || res.DMARC.Policy != tc.policy {
				t.Errorf("spf %s, dmarc %s, policy %q; want %s, %s, %q (%+v)", res.SPF.Result, res.DMARC.Result, res.DMARC.Policy, tc.spf, tc.dmarc, tc.policy, res)
			}
		})
	}
}

func TestDKIM(t *testing.T) {
	t.Parallel()
	signed, record := sign(t, "example.org", plain)
	other, otherRecord := sign(t, "other.example", plain)
	for name, tc := range map[string]struct {
		raw, zone string
		dkim      mailauth.Result
		dmarc     mailauth.Result
	}{
		"a signature of the author's domain":  {signed, record, mailauth.Pass, mailauth.Pass},
		"a changed body":                      {strings.Replace(signed, "body", "bode", 1), record, mailauth.Fail, mailauth.Fail},
		"a key that is not there":             {signed, "", mailauth.PermError, mailauth.Fail},
		"a signature of somebody else":        {other, otherRecord, mailauth.Pass, mailauth.Fail},
		"a key server that fails stays open":  {signed, "fail s._domainkey.example.org\n", mailauth.TempError, mailauth.TempError},
		"a stranger's key server does not":    {other, "fail s._domainkey.other.example\n", mailauth.TempError, mailauth.Fail},
		"a header that was added after it":    {"X-New: 1\r\n" + signed, record, mailauth.Pass, mailauth.Pass},
		"a signature that nobody can decrypt": {strings.Replace(signed, " b=", " b=A", 1), record, mailauth.Fail, mailauth.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := verify(t, zone+tc.zone, tc.raw, "bounce@elsewhere.example", "198.51.100.1")
			if len(res.DKIM) != 1 || res.DKIM[0].Result != tc.dkim && (tc.dkim != mailauth.Fail || res.DKIM[0].Result != mailauth.PermError) || res.DMARC.Result != tc.dmarc {
				t.Errorf("dkim %+v, dmarc %+v; want %s, %s", res.DKIM, res.DMARC, tc.dkim, tc.dmarc)
			}
		})
	}
}

func TestSignaturesAreBounded(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n", 500) + plain
	z := mailtest.StartZone(t, zone)
	c, err := dns.New(dns.Config{Servers: []string{z.Addr}, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	b := budget.New(budget.Default())
	r, m := received(many, "ann@example.org", "192.0.2.1")
	res := mailauth.Verify(t.Context(), r, m, nil, c.For(b), b)
	checked := 0
	for _, d := range res.DKIM {
		if !strings.Contains(d.Why, "signatures") {
			checked++
		}
	}
	if limit := budget.Default().Of[budget.Signatures]; int64(checked) > limit || len(res.DKIM) > 100 {
		t.Errorf("%d signatures were looked at, %d listed", checked, len(res.DKIM))
	}
	if len(b.Exceeded()) == 0 {
		t.Error("running over budget was not recorded")
	}
}

const gateway = `
tenants:
  - id: a
    domains:
      - name: there.example
        route: {hosts: [mx.there.example]}
        lookback_hops: 2
        trusted_hops: [10.0.0.0/8, 203.0.113.0/24]
`

func TestLookBackFindsTheTrueSender(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte(gateway))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := tenant.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	const edge = "Received: from edge (edge [203.0.113.5]) by inner with ESMTP id 1; Mon, 02 Nov 2026 10:00:01 +0000\r\n"
	const outside = "Received: from sender.example (sender.example [198.51.100.7]) by edge with ESMTP id 2; Mon, 02 Nov 2026 10:00:00 +0000\r\n"
	const forged = "Received: from bank.example (bank.example [192.0.2.66]) by sender.example with ESMTP id 3; Mon, 02 Nov 2026 09:59:00 +0000\r\n"
	for name, tc := range map[string]struct {
		connecting, raw, want string
		hops                  int
	}{
		"through both gateways":                                {"10.0.0.1", edge + outside + forged, "198.51.100.7", 2},
		"a stranger who connects himself is the sender":        {"198.51.100.9", edge + outside, "198.51.100.9", 0},
		"the chain stops at the first host that is a stranger": {"10.0.0.1", outside + forged, "198.51.100.7", 1},
		"no more hops than configured":                         {"10.0.0.1", edge + edge + outside, "203.0.113.5", 2},
		"no fields at all":                                     {"10.0.0.1", "", "10.0.0.1", 0},
		"a field without an address":                           {"10.0.0.1", "Received: from x by inner; Mon, 02 Nov 2026 10:00:01 +0000\r\n" + outside, "invalid IP", 0},
		"a second field without an address":                    {"10.0.0.1", edge + "Received: from [198.51.100.7] (unknown) by edge; Mon, 02 Nov 2026 10:00:01 +0000\r\n", "invalid IP", 1},
		"a stranger who calls himself a gateway":               {"10.0.0.1", "Received: from [203.0.113.5] (unknown [198.51.100.66]) by inner; Mon, 02 Nov 2026 10:00:01 +0000\r\n" + forged, "198.51.100.66", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, m := received(tc.raw+plain, "a@b.example", tc.connecting)
			got := mailauth.FindSender(r, m, dir.Domain("there.example"))
			if got.Addr.String() != tc.want || got.Hops != tc.hops {
				t.Errorf("got %+v, want %s after %d hops", got, tc.want, tc.hops)
			}
		})
	}
}

func TestResultsOfTheReceivingHost(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		header string
		hosts  []string
		source mailauth.Source
		spf    mailauth.Result
		dkim   string // result of the first signature and its domain
		dmarc  mailauth.Result
		policy string
		client string
	}{
		"a plain one": {
			header: "Authentication-Results: mx.there.example; spf=pass smtp.mailfrom=ann@example.org; dkim=pass header.d=example.org; dmarc=pass (p=REJECT) header.from=example.org\r\n",
			source: mailauth.SourceHeader, spf: mailauth.Pass, dkim: "pass example.org", dmarc: mailauth.Pass, policy: "reject",
		},
		"one without a name, as a large provider writes it": {
			header: "Authentication-Results: spf=fail (sender IP is 198.51.100.7)\r\n smtp.mailfrom=example.org; dkim=none (message not signed)\r\n header.d=none;dmarc=fail action=oreject header.from=example.org;compauth=fail reason=000\r\n",
			source: mailauth.SourceHeader, spf: mailauth.Fail, dkim: "none none", dmarc: mailauth.Fail, policy: "reject", client: "198.51.100.7",
		},
		"a lower one of another name is never believed": {
			header: "Authentication-Results: mx.there.example; spf=fail smtp.mailfrom=example.org\r\nAuthentication-Results: mx.forged.example; dmarc=pass header.from=example.org\r\n",
			source: mailauth.SourceHeader, spf: mailauth.Fail,
		},
		"a run of one name counts together": {
			header: "Authentication-Results: mx.there.example; spf=pass smtp.mailfrom=example.org\r\nAuthentication-Results: mx.there.example; dmarc=pass header.from=example.org\r\n",
			source: mailauth.SourceHeader, spf: mailauth.Pass, dmarc: mailauth.Pass,
		},
		"a host that is not trusted": {
			header: "Authentication-Results: mx.there.example; spf=pass smtp.mailfrom=example.org\r\n", hosts: []string{"mx.ours.example"}, source: mailauth.SourceNone,
		},
		"a host that is trusted in other case": {
			header: "Authentication-Results: MX.ours.example; spf=pass smtp.mailfrom=example.org\r\n", hosts: []string{"mx.ours.example"}, source: mailauth.SourceHeader, spf: mailauth.Pass,
		},
		"nobody checked": {source: mailauth.SourceNone},
		"a hard fail in the old spelling": {
			header: "Authentication-Results: mx.there.example; spf=hardfail smtp.mailfrom=example.org\r\n", source: mailauth.SourceHeader, spf: mailauth.Fail,
		},
		"a result in a quoted local part is none": {
			header: `Authentication-Results: mx.there.example; spf=pass smtp.mailfrom="a; dmarc=pass header.from=example.org; b"@there.test; dmarc=fail (p=reject; sp=none) header.from=example.org` + "\r\n",
			source: mailauth.SourceHeader, spf: mailauth.Pass, dmarc: mailauth.Fail, policy: "reject",
		},
		"a result in a comment is none": {
			header: `Authentication-Results: mx.there.example; spf=pass (domain of "a) ; dmarc=pass header.from=example.org (b"@there.test) smtp.mailfrom=there.test` + "\r\n",
			source: mailauth.SourceHeader, spf: mailauth.Pass,
		},
		"a comment with a semicolon ends no result": {
			header: "Authentication-Results: mx.there.example; dkim=pass (2048-bit key; unprotected) header.d=example.org\r\n",
			source: mailauth.SourceHeader, dkim: "pass example.org",
		},
		"the policy of subdomains is not that of the domain": {
			header: "Authentication-Results: mx.there.example; dmarc=fail (sp=none p=quarantine) header.from=example.org\r\n",
			source: mailauth.SourceHeader, dmarc: mailauth.Fail, policy: "quarantine",
		},
		"a fail beside a pass": {
			header: "Authentication-Results: mx.there.example; dmarc=pass header.from=example.org; dmarc=fail header.from=example.org\r\n",
			source: mailauth.SourceHeader, dmarc: mailauth.Fail,
		},
		"a pass for another author": {
			header: "Authentication-Results: mx.there.example; dmarc=pass header.from=there.test\r\n",
			source: mailauth.SourceHeader, dmarc: mailauth.None,
		},
		"a pass for one author of two": {
			header: "Authentication-Results: mx.there.example; dmarc=pass header.from=there.test\r\nFrom: Eve <eve@there.test>\r\n",
			source: mailauth.SourceHeader, dmarc: mailauth.None,
		},
		"a broken result does not hide the others": {
			header: "Authentication-Results: mx.there.example; =; dmarc=fail header.from=example.org\r\n", source: mailauth.SourceHeader, dmarc: mailauth.Fail,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := mailauth.FromHeader(message.Parse([]byte(tc.header+plain), budget.New(budget.Default())), tc.hosts)
			got := ""
			if len(res.DKIM) > 0 {
				got = string(res.DKIM[0].Result) + " " + res.DKIM[0].Domain
			}
			client := ""
			if res.Client.IsValid() {
				client = res.Client.String()
			}
			if res.Source != tc.source || res.SPF.Result != tc.spf || got != tc.dkim || res.DMARC.Result != tc.dmarc || res.DMARC.Policy != tc.policy || client != tc.client {
				t.Errorf("got %+v", res)
			}
		})
	}
}

func TestOurHeaderReadsBack(t *testing.T) {
	t.Parallel()
	res := verify(t, zone, plain, "ann@example.org", "192.0.2.1")
	raw := "Authentication-Results: " + res.Header("mx.ours.example") + "\r\n" + plain
	back := mailauth.FromHeader(message.Parse([]byte(raw), budget.New(budget.Default())), []string{"mx.ours.example"})
	if back.SPF.Result != res.SPF.Result || back.DMARC.Result != res.DMARC.Result || back.DMARC.Policy != res.DMARC.Policy {
		t.Errorf("wrote %+v, read %+v", res, back)
	}
}

func TestOurHeaderCannotBeInjected(t *testing.T) {
	t.Parallel()
	evil := "x;\r\n dmarc=pass header.from=bank.example\r\nX-Evil: 1"
	res := mailauth.Results{
		SPF:  mailauth.SPF{Result: mailauth.Fail, Domain: evil},
		DKIM: []mailauth.DKIM{{Result: mailauth.Fail, Domain: evil}}, DMARC: mailauth.DMARC{Result: mailauth.Fail, Domain: evil, Policy: evil},
	}
	if got := res.Header("mx.ours.example"); strings.ContainsAny(got, "\r\n") || strings.Contains(got, "dmarc=pass") {
		t.Errorf("got %q", got)
	}
}

func FuzzFromHeader(f *testing.F) {
	f.Add("mx.there.example; spf=pass smtp.mailfrom=a@example.org; dkim=pass header.d=example.org")
	f.Add("spf=fail (sender IP is 1.2.3.4) smtp.mailfrom=x;dmarc=fail action=quarantine header.from=x")
	f.Add("((((; =;;; dmarc=")
	f.Fuzz(func(t *testing.T, value string) {
		raw := "Authentication-Results: " + value + "\r\n" + plain
		res := mailauth.FromHeader(message.Parse([]byte(raw), budget.New(budget.Default())), nil)
		if strings.ContainsAny(res.Header("h"), "\r\n\x00") {
			t.Errorf("%q became %q", value, res.Header("h"))
		}
	})
}

func TestHeloProvesNobody(t *testing.T) {
	t.Parallel()
	res := verify(t, zone, from("a@helo.example"), "", "192.0.2.9")
	if res.SPF.Result != mailauth.Pass || res.AlignedPass("helo.example") {
		t.Errorf("the HELO identity counts as the author's: %+v", res)
	}
}

func TestReadKey(t *testing.T) {
	t.Parallel()
	encode := func(kind string, der []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := func(k any) string {
		der, err := x509.MarshalPKCS8PrivateKey(k)
		return encode("PRIVATE KEY", der, err)
	}
	tests := []struct{ name, pem, record, wrong string }{
		{"ed25519", pkcs8(ed), "v=DKIM1; k=ed25519; p=", ""},
		{"rsa", pkcs8(long), "v=DKIM1; k=rsa; p=", ""},
		{"rsa of old", encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(long), nil), "v=DKIM1; k=rsa; p=", ""},
		{"another curve", pkcs8(curve), "", "neither RSA nor Ed25519"},
		{"no pem", "hello", "", "no private key"},
		{"broken", encode("PRIVATE KEY", []byte{1, 2}, nil), "", "reading private key"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			key, err := mailauth.ReadKey([]byte(test.pem))
			if test.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), test.wrong) {
					t.Errorf("error %v, want %s", err, test.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			name, record, err := mailauth.NewSealer("a.example", "s", key).Record()
			if err != nil || name != "s._domainkey.a.example" || !strings.HasPrefix(record, test.record) {
				t.Errorf("%s %s %v", name, record, err)
			}
		})
	}
}

// TestEveryAuthorMustBeProved checks that a sender gains nothing from a second author, in
// any spelling, besides his own domain.
func TestEveryAuthorMustBeProved(t *testing.T) {
	t.Parallel()
	for name, author := range map[string]string{
		"a second mailbox":       "From: eve@there.test, ann@example.org",
		"a second field":         "From: eve@there.test\r\nFrom: ann@example.org",
		"a second at":            "From: <ann@example.org@there.test>",
		"a second word":          "From: <ann@there.test example.org>",
		"an encoded address":     "From: <=?utf-8?q?ann=40example.org?=@there.test>",
		"one without a name":     "From: eve@there.test, <ann@!>",
		"another in the comment": "From: ann@example.org(@there.test)",
		"another in the quotes":  `From: "eve@there.test"@example.org`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := "Authentication-Results: mx.ours.example; spf=pass smtp.mailfrom=eve@there.test; dkim=pass header.d=there.test; dmarc=pass header.from=there.test\r\n" +
				author + "\r\n\r\nHello\r\n"
			res := mailauth.FromHeader(message.Parse([]byte(raw), nil), nil)
			if res.AuthorsAligned() || res.AlignedPass("example.org") || res.DMARC.Result == mailauth.Pass {
				t.Errorf("proved: %+v", res)
			}
			if slices.Contains(res.Authors, "there.test") && res.AlignedPass("there.test") {
				t.Error("one author is proved without the other")
			}
		})
	}
	raw := "Authentication-Results: mx.ours.example; spf=pass smtp.mailfrom=eve@there.test; dkim=pass header.d=example.org\r\n" +
		"From: eve@there.test, ann@example.org\r\n\r\nHello\r\n"
	if res := mailauth.FromHeader(message.Parse([]byte(raw), nil), nil); !res.AuthorsAligned() || !res.AlignedPass("example.org") {
		t.Errorf("both are proved: %+v", res)
	}
}

// TestReceiverNamesWhatItDid holds that "dis=" in the comment of a receiver lowers what counts
// and never raises it.
func TestReceiverNamesWhatItDid(t *testing.T) {
	t.Parallel()
	for results, want := range map[string]mailauth.DMARC{
		"dmarc=fail (p=reject dis=none) header.from=example.org":                    {Policy: "reject", Apply: "none"},
		"dmarc=fail (p=REJECT sp=REJECT dis=QUARANTINE) header.from=example.org":    {Policy: "reject", Apply: "quarantine"},
		"dmarc=fail (p=quarantine dis=none) header.from=example.org":                {Policy: "quarantine", Apply: "none"},
		"dmarc=fail (p=reject dis=reject) header.from=example.org":                  {Policy: "reject"},
		"dmarc=fail (p=none dis=reject) header.from=example.org":                    {Policy: "none"},
		"dmarc=fail (p=reject) header.from=example.org":                             {Policy: "reject"},
		"dmarc=fail (p=reject dis=bogus) header.from=example.org":                   {Policy: "reject"},
		"dmarc=fail (dis=none) header.from=example.org":                             {},
		`dmarc=fail (p=reject) header.from=example.org; x=pass (dis=none) a="dis="`: {Policy: "reject"},
	} {
		res := mailauth.FromHeader(message.Parse([]byte("Authentication-Results: mx.there.example; "+results+"\r\n"+plain), nil), nil)
		if d := res.DMARC; d.Result != mailauth.Fail || d.Policy != want.Policy || d.Apply != want.Apply {
			t.Errorf("%s: policy %q, apply %q", results, d.Policy, d.Apply)
		}
	}
}
