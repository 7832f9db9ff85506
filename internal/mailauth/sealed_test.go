package mailauth_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"testing"
	"time"

	"outrider/internal/budget"
	"outrider/internal/dns"
	"outrider/internal/mailauth"
	"outrider/internal/mailauth/arc"
	ours "outrider/internal/mailauth/dkim"
	"outrider/internal/mailtest"
)

// TestTrustedSealerIsReadByTheGrammar holds that what a trusted forwarder quotes of the
// sender is no result of his.
func TestTrustedSealerIsReadByTheGrammar(t *testing.T) {
	t.Parallel()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	z := mailtest.StartZone(t, zone+"s._domainkey.fwd.test. TXT \"v=DKIM1; k=ed25519; p="+base64.StdEncoding.EncodeToString(pub)+"\"\n")
	c, err := dns.New(dns.Config{Servers: []string{z.Addr}, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for name, tc := range map[string]struct {
		results string
		want    mailauth.Result
		vouched bool
	}{
		"a pass":                    {"mx.fwd.test; dmarc=pass (p=reject; sp=none) header.from=example.org", mailauth.Pass, true},
		"a pass in a quoted sender": {`mx.fwd.test; spf=pass smtp.mailfrom="a; dmarc=pass header.from=example.org; b"@there.test; dmarc=fail header.from=example.org`, mailauth.Fail, false},
		"a pass in a comment":       {`mx.fwd.test; spf=pass (of "a) ; dmarc=pass header.from=example.org (b"@there.test) smtp.mailfrom=there.test`, "", false},
		"a pass for another author": {"mx.fwd.test; dmarc=pass header.from=there.test", "", false},
		"a fail after a pass":       {"mx.fwd.test; dmarc=pass header.from=example.org; dmarc=fail header.from=example.org", mailauth.Fail, false},
		"a reason with a semicolon": {`mx.fwd.test; dmarc=pass reason="ok; aligned" header.from=example.org`, mailauth.Pass, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chain := arc.Validate(t.Context(), []byte(plain), &ours.Verifier{}, budget.New(budget.Default()))
			fields, err := arc.Seal(chain, &ours.Signer{Domain: "fwd.test", Selector: "s", Key: key}, tc.results, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			b := budget.New(budget.Default())
			r, m := received(fields+plain, "list@fwd.test", "198.51.100.1")
			res := mailauth.Verify(t.Context(), r, m, nil, c.For(b), b, "fwd.test")
			if res.ARC.Result != mailauth.Pass || !res.ARC.Trusted || res.ARC.DMARC != tc.want || res.Vouched() != tc.vouched {
				t.Errorf("vouched %v: %+v", res.Vouched(), res.ARC)
			}
		})
	}
}
