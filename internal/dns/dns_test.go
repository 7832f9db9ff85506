package dns_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outrider/internal/budget"
	"outrider/internal/dns"
	"outrider/internal/mailtest"
)

const zone = `
example.org. 300 IN TXT "v=spf1 " "-all"
example.org. 300 IN MX 10 mx.example.org.
mx.example.org. 300 IN A 192.0.2.1
mx.example.org. 300 IN AAAA 2001:db8::1
v4.example.org. 300 IN A 192.0.2.2
big.example.org. 300 IN TXT "long"
1.2.0.192.in-addr.arpa. 300 IN PTR mx.example.org.
fail broken.example.org
silent mute.example.org
big big.example.org
`

func client(t *testing.T, timeout time.Duration) (*dns.Client, *mailtest.Zone) {
	t.Helper()
	z := mailtest.StartZone(t, zone)
	c, err := dns.New(dns.Config{Servers: []string{z.Addr}, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, z
}

func TestRecordsAreFound(t *testing.T) {
	t.Parallel()
	c, _ := client(t, 5*time.Second)
	s := c.For(nil)
	if got, err := s.LookupTXT(t.Context(), "EXAMPLE.org"); err != nil || !slices.Equal(got, []string{"v=spf1 -all"}) {
		t.Errorf("TXT: %q, %v", got, err)
	}
	if got, err := s.LookupMX(t.Context(), "example.org"); err != nil || len(got) != 1 || got[0].Host != "mx.example.org." {
		t.Errorf("MX: %v, %v", got, err)
	}
	if got, err := s.LookupHost(t.Context(), "mx.example.org"); err != nil || len(got) != 2 {
		t.Errorf("both families: %v, %v", got, err)
	}
	if got, err := s.LookupHost(t.Context(), "v4.example.org"); err != nil || len(got) != 1 {
		t.Errorf("one family: %v, %v", got, err)
	}
	if got, err := s.LookupAddr(t.Context(), "192.0.2.1"); err != nil || got[0] != "mx.example.org." {
		t.Errorf("PTR: %v, %v", got, err)
	}
	if got, err := s.LookupTXT(t.Context(), "big.example.org"); err != nil || got[0] != "long" {
		t.Errorf("a truncated answer is asked for again over TCP: %v, %v", got, err)
	}
	if !s.Authentic(t.Context(), "example.org", "TXT") {
		t.Error("an answer that a resolver on loopback validated is not authentic")
	}
}

func TestErrorsSayWhetherAskingAgainHelps(t *testing.T) {
	t.Parallel()
	c, _ := client(t, 200*time.Millisecond)
	for name, tc := range map[string]struct{ notFound, temporary bool }{
		"none.example.org":   {notFound: true},
		"v4.example.org":     {notFound: true}, // exists, but without TXT
		"broken.example.org": {temporary: true},
		"mute.example.org":   {temporary: true},
		"":                   {notFound: true},
	} {
		_, err := c.For(nil).LookupTXT(t.Context(), name)
		e, ok := errors.AsType[*net.DNSError](err)
		if !ok || e.IsNotFound != tc.notFound || e.IsTemporary != tc.temporary {
			t.Errorf("%q: %#v", name, err)
		}
	}
}

func TestDeadlineOfTheAskerCounts(t *testing.T) {
	t.Parallel()
	c, _ := client(t, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.For(nil).LookupTXT(ctx, "mute.example.org")
	if e, ok := errors.AsType[*net.DNSError](err); !ok || !e.IsTemporary {
		t.Errorf("got %v", err)
	}
}

func TestAnswersAndAbsenceAreRemembered(t *testing.T) {
	t.Parallel()
	c, z := client(t, 5*time.Second)
	for range 3 {
		_, _ = c.For(nil).LookupTXT(t.Context(), "example.org")
		_, _ = c.For(nil).LookupTXT(t.Context(), "none.example.org")
	}
	if n := z.Questions.Load(); n != 2 {
		t.Errorf("%d questions for two names", n)
	}
}

func TestManyAskersAskOnce(t *testing.T) {
	t.Parallel()
	c, z := client(t, 5*time.Second)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := c.For(nil).LookupTXT(t.Context(), "example.org"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := z.Questions.Load(); n > 5 {
		t.Errorf("%d questions for one name asked by many at once", n)
	}
}

func TestMessageCannotAskMoreThanItsBudget(t *testing.T) {
	t.Parallel()
	c, z := client(t, 5*time.Second)
	limits := budget.Default()
	limits.Of[budget.DNSQuestions] = 1
	b := budget.New(limits)
	s := c.For(b)
	_, _ = s.LookupTXT(t.Context(), "example.org")
	_, err := s.LookupTXT(t.Context(), "v4.example.org")
	if err == nil || z.Questions.Load() != 1 || len(b.Exceeded()) != 1 {
		t.Errorf("%v after %d questions, exceeded %v", err, z.Questions.Load(), b.Exceeded())
	}
}

func TestOfflineFailsTemporarily(t *testing.T) {
	t.Parallel()
	_, err := dns.Offline().LookupTXT(t.Context(), "example.org")
	if e, ok := errors.AsType[*net.DNSError](err); !ok || !e.IsTemporary {
		t.Errorf("got %v", err)
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCloseEndsQuestionsUnderWay(t *testing.T) {
	t.Parallel()
	c, _ := client(t, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = c.For(nil).LookupTXT(ctx, "mute.example.org") // the caller gives up, the query continues
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// Domains whose servers are silent do not make the resolvers look broken; resolvers that are gone
// do.
func TestHealthIsThatOfTheResolvers(t *testing.T) {
	t.Parallel()
	c, z := client(t, 200*time.Millisecond)
	for _, name := range []string{"mute.example.org", "broken.example.org"} {
		if _, err := c.For(nil).LookupTXT(t.Context(), name); err == nil {
			t.Fatalf("%s was answered", name)
		}
		if err := c.Health(t.Context()); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
	before := z.Questions.Load()
	if err := c.Health(t.Context()); err != nil || z.Questions.Load() != before {
		t.Errorf("%v, %d questions though a resolver has just answered", err, z.Questions.Load()-before)
	}
	gone, err := dns.New(dns.Config{Servers: []string{"127.0.0.1:1"}, Timeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer gone.Close()
	if err := gone.Health(t.Context()); err == nil {
		t.Error("a resolver that is not there is healthy")
	}
}
