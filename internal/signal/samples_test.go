package signal_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"outrider/internal/budget"
	"outrider/internal/config"
	"outrider/internal/detect"
	"outrider/internal/evidence"
	"outrider/internal/history"
	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/signal"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

// defaultTenant is the tenant of the embedded configuration.
func defaultTenant(t *testing.T) *tenant.Tenant {
	t.Helper()
	c, err := config.Load("../app/default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := tenant.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	return d.Tenants()[0]
}

// worst is the disposition that the bad samples reach at least.
var worst = map[string]verdict.Disposition{
	"bad-01-display-name.eml":      verdict.MaliciousBEC,
	"bad-02-lookalike-partner.eml": verdict.MaliciousBEC,
	"bad-03-own-domain.eml":        verdict.Malicious,
	"bad-04-html-attachment.eml":   verdict.Malicious,
	"bad-05-executable.eml":        verdict.Malicious,
	"bad-06-callback.eml":          verdict.MaliciousBEC,
	"bad-07-punycode.eml":          verdict.Malicious,
	"bad-08-password-archive.eml":  verdict.Spam,
	"bad-09-advance-fee.eml":       verdict.Spam,
	"bad-10-seo-spam.eml":          verdict.Spam,
}

// The samples come over loopback, so that no sender is authenticated.
func TestSamplesAreJudgedAsTheirNamesSay(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../samples/*.eml")
	if err != nil || len(paths) < 16 {
		t.Fatalf("found %d samples: %v", len(paths), err)
	}
	tn := defaultTenant(t)
	engine := detect.New(detect.Default(), signal.New(nil))
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b := budget.New(budget.Default())
			peer := message.Peer{Addr: netip.MustParseAddr("127.0.0.1")}
			m := message.Parse(raw, b)
			v := engine.Judge(t.Context(), evidence.New(evidence.Facts{
				Received: &message.Received{
					ID: "0", Source: message.SourceSMTP, Peer: peer, Body: message.NewBody(raw), At: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
				},
				Message: m, Tenant: tn, Domain: tn.Domains[0], Budget: b, Contact: history.Contact{Known: true}, Open: opensHere(t),
				Auth: mailauth.Results{
					Source: mailauth.SourceEdge, Client: peer.Addr,
					SPF: mailauth.SPF{Result: mailauth.None}, DMARC: mailauth.DMARC{Result: mailauth.None},
				},
			}))
			name := filepath.Base(path)
			good := strings.HasPrefix(name, "good-")
			if good && v.Disposition > verdict.Bulk || !good && v.Disposition < worst[name] {
				t.Errorf("disposition %s, score %.3f", v.Disposition, v.Score)
			}
			for _, f := range v.Findings {
				t.Logf("%-22s %-7s %5.2f %s %q", f.ID, f.Class, f.Weight, f.Field, f.Value)
			}
			t.Logf("%s %.3f %v", v.Disposition, v.Score, v.Classes)
		})
	}
}
