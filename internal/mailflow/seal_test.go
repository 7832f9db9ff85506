package mailflow_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"outrider/internal/budget"
	"outrider/internal/dns"
	"outrider/internal/mailauth"
	"outrider/internal/mailauth/arc"
	"outrider/internal/mailauth/dkim"
	"outrider/internal/mailtest"
)

// useSealer makes the flow seal, and ask the resolver.
func (b *bundle) useSealer(s *mailauth.Sealer, resolver *dns.Client) {
	settings := *b.flow.Settings()
	settings.Sealer, b.judge.DNS = s, resolver
	b.flow.Configure(&settings)
}

// sealing builds a flow that seals as gw.example, and the resolver that has its key.
func sealing(t *testing.T) (*bundle, *dns.Client) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := mailauth.ReadKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	sealer := mailauth.NewSealer("gw.example", "s1", key)
	name, record, err := sealer.Record()
	if err != nil {
		t.Fatal(err)
	}
	zone := mailtest.StartZone(t, fmt.Sprintf("%s. TXT %q\n", name, record))
	resolver, err := dns.New(dns.Config{Servers: []string{zone.Addr}, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resolver.Close() })
	b := setup(t, nil)
	b.useSealer(sealer, resolver)
	return b, resolver
}

// pass sends a message through and returns what arrives, with its chain.
func (b *bundle) pass(raw string, resolver *dns.Client) (string, *arc.Chain) {
	b.t.Helper()
	if reply, err := b.process(raw, "ann@elsewhere.example", "x@example.org"); err != nil || reply.Code != 250 {
		b.t.Fatalf("%v %v", reply, err)
	}
	all := b.sink.Transactions()
	sent := all[len(all)-1].Body()
	bud := budget.New(budget.Default())
	return string(sent), arc.Validate(b.t.Context(), sent, &dkim.Verifier{Resolver: resolver.For(bud)}, bud)
}

// TestTaggedMailIsSealed sends a message through twice: what arrives has a chain that
// holds, and grows by one set each time.
func TestTaggedMailIsSealed(t *testing.T) {
	t.Parallel()
	b, resolver := sealing(t)
	raw := mail("an odd thing")
	for n := 1; n <= 2; n++ {
		var chain *arc.Chain
		raw, chain = b.pass(raw, resolver)
		if !strings.Contains(raw, "Subject: [") {
			t.Errorf("pass %d: the subject has no tag:\n%.400s", n, raw)
		}
		if chain.Result != arc.Pass || len(chain.Sets) != n || chain.Sets[0].Domain != "gw.example" || !chain.Sets[0].Unbroken {
			t.Fatalf("pass %d: %s %s %s, %d sets\n%.1500s", n, chain.Result, chain.Why, chain.Detail, len(chain.Sets), raw)
		}
		if !strings.HasPrefix(chain.Sets[0].Text, "gw.example;") {
			t.Errorf("pass %d: results %q", n, chain.Sets[0].Text)
		}
	}
}

// TestBrokenChainIsClosed changes a sealed message: the next set says that the chain is
// broken, and later hosts do not seal it.
func TestBrokenChainIsClosed(t *testing.T) {
	t.Parallel()
	b, resolver := sealing(t)
	raw, _ := b.pass(mail("hello"), resolver)
	raw, chain := b.pass(strings.Replace(raw, "\r\n\r\nbody", "\r\n\r\nanother body", 1), resolver)
	if len(chain.Sets) != 2 || chain.Sets[0].CV != "fail" || chain.Result != arc.Fail {
		t.Fatalf("%s, %d sets, newest %+v", chain.Result, len(chain.Sets), chain.Sets)
	}
	raw, _ = b.pass(strings.Replace(raw, "X-Outrider-Trace", "X-Was-Trace", 2), resolver)
	if n := strings.Count(raw, "ARC-Seal:"); n != 2 {
		t.Errorf("%d seals, want the two that came", n)
	}
}
