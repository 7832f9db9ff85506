package relay_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"outrider/internal/dns"
	"outrider/internal/egress"
	"outrider/internal/mailtest"
	"outrider/internal/mtasts"
	"outrider/internal/relay"
	"outrider/internal/tenant"
)

// issuer is an authority.
type issuer struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newIssuer(tb testing.TB, name string) *issuer {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	i := &issuer{key: key}
	i.cert = i.sign(tb, key, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	})
	return i
}

func (i *issuer) sign(tb testing.TB, key *ecdsa.PrivateKey, template *x509.Certificate) *x509.Certificate {
	tb.Helper()
	template.SerialNumber, template.NotBefore, template.BasicConstraintsValid = big.NewInt(time.Now().UnixNano()), time.Now().Add(-2*time.Hour), true
	parent := i.cert
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, i.key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return cert
}

// issue returns a certificate for a host, with the issuer's after it.
func (i *issuer) issue(tb testing.TB, name string, until time.Duration) tls.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	leaf := i.sign(tb, key, &x509.Certificate{Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(until)})
	return tls.Certificate{Certificate: [][]byte{leaf.Raw, i.cert.Raw}, PrivateKey: key, Leaf: leaf}
}

// pki is what the hosts of the tests show, and what the sender trusts.
type pki struct {
	ca     *issuer
	caFile string
	certs  map[string]tls.Certificate
}

func newPKI(tb testing.TB) *pki {
	tb.Helper()
	p := &pki{ca: newIssuer(tb, "Known"), caFile: filepath.Join(tb.TempDir(), "ca.pem")}
	if err := os.WriteFile(p.caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.ca.cert.Raw}), 0o600); err != nil {
		tb.Fatal(err)
	}
	alone := p.ca.issue(tb, "mx.b.example", time.Hour)
	alone.Certificate = alone.Certificate[:1]
	p.certs = map[string]tls.Certificate{
		"":        p.ca.issue(tb, "mx.b.example", time.Hour),
		"wrong":   p.ca.issue(tb, "other.example", time.Hour),
		"domain":  p.ca.issue(tb, "b.example", time.Hour),
		"expired": p.ca.issue(tb, "mx.b.example", -time.Hour),
		"unknown": newIssuer(tb, "Unknown").issue(tb, "mx.b.example", time.Hour),
		"alone":   alone,
	}
	return p
}

// fill replaces the names of associations in a zone: EE or CA, cert or key, and how.
func (p *pki) fill(zone, cert, port string) string {
	leaf, ca := p.certs[cert].Leaf, p.ca.cert
	r := []string{"@", "_" + port + "._tcp."}
	for name, data := range map[string][]byte{
		"EE-cert": leaf.Raw, "EE-key": leaf.RawSubjectPublicKeyInfo, "CA-cert": ca.Raw, "CA-key": ca.RawSubjectPublicKeyInfo, "BAD": []byte("x"),
	} {
		s256, s512 := sha256.Sum256(data), sha512.Sum512(data)
		r = append(r, name+"-full", hexOf(data), name+"-256", hexOf(s256[:]), name+"-512", hexOf(s512[:]))
	}
	return strings.NewReplacer(r...).Replace(zone)
}

func hexOf(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		s.WriteString(strconv.FormatUint(0x100|uint64(c), 16)[1:])
	}
	return s.String()
}

// said is the MTA-STS answer of the domain: the text of its policy, none, or a failure.
type said struct{ text atomic.Pointer[string] }

var errUnknown = errors.New("policy is not known")

func (s *said) Policy(_ context.Context, domain string) (mtasts.Policy, error) {
	text := s.text.Load()
	switch {
	case domain != "b.example" || text == nil:
		return mtasts.Policy{}, errUnknown
	case *text == "":
		return mtasts.Policy{}, nil
	}
	mode, mx, _ := strings.Cut(*text, " ")
	return mtasts.ParsePolicy([]byte("version: STSv1\nmax_age: 86400\nmode: " + mode + "\nmx: " + mx + "\n"))
}

const plainZone = "b.example. 1 IN MX 10 mx.b.example.\nmx.b.example. 1 IN A 127.0.0.1\n"

// party is a row of the table: one domain, one host, one delivery.
type party struct {
	zone       string // in addition to plainZone; "@" is the prefix of TLSA records
	only       string // instead of plainZone
	sts        string // mode and mx pattern
	unknown    bool   // the policy cannot be known
	cert       string
	stripped   bool // STARTTLS is not offered
	tls        tenant.TLSMode
	own        bool // the route names the authorities itself
	requireTLS bool
	noREQ      bool // the host does not offer REQUIRETLS
	want       string
	verified   string
	clear      bool // delivered without TLS
	unmet      bool // no host is connected to
}

const (
	taken   = "250 2.0.0"
	noTLS   = "451 4.7.5"
	noDNS   = "451 4.4.3"
	noReq   = "550 5.7.30"
	tlsaEE  = "@mx.b.example. 1 IN TLSA 3 1 1 EE-key-256\n"
	tlsaBad = "@mx.b.example. 1 IN TLSA 3 1 1 BAD-256\n"
	pkixEE  = "@mx.b.example. 1 IN TLSA 1 1 1 EE-key-256\n"
)

var parties = map[string]party{
	"nothing is said":                                 {want: taken},
	"nothing is said, no tls":                         {stripped: true, want: taken, clear: true},
	"dane: key of the host":                           {zone: tlsaEE, want: taken, verified: "dane"},
	"dane: certificate of the host, by sha-512":       {zone: "@mx.b.example. 1 IN TLSA 3 0 2 EE-cert-512", want: taken, verified: "dane"},
	"dane: certificate of the host in full":           {zone: "@mx.b.example. 1 IN TLSA 3 0 0 EE-cert-full", want: taken, verified: "dane"},
	"dane: key of the host in full":                   {zone: "@mx.b.example. 1 IN TLSA 3 1 0 EE-key-full", want: taken, verified: "dane"},
	"dane: another key":                               {zone: tlsaBad, want: noTLS},
	"dane: key of the host, another name":             {zone: tlsaEE, cert: "wrong", want: taken, verified: "dane"},
	"dane: key of the host, expired":                  {zone: tlsaEE, cert: "expired", want: taken, verified: "dane"},
	"dane: key of the host, unknown authority":        {zone: tlsaEE, cert: "unknown", want: taken, verified: "dane"},
	"dane: key of the authority as that of the host":  {zone: "@mx.b.example. 1 IN TLSA 3 1 1 CA-key-256", want: noTLS},
	"dane: trust anchor":                              {zone: "@mx.b.example. 1 IN TLSA 2 0 1 CA-cert-256", want: taken, verified: "dane"},
	"dane: key of a trust anchor":                     {zone: "@mx.b.example. 1 IN TLSA 2 1 2 CA-key-512", want: taken, verified: "dane"},
	"dane: trust anchor, another name":                {zone: "@mx.b.example. 1 IN TLSA 2 0 1 CA-cert-256", cert: "wrong", want: noTLS},
	"dane: trust anchor, name of the domain":          {zone: "@mx.b.example. 1 IN TLSA 2 0 1 CA-cert-256", cert: "domain", want: taken, verified: "dane"},
	"dane: trust anchor, expired":                     {zone: "@mx.b.example. 1 IN TLSA 2 0 1 CA-cert-256", cert: "expired", want: noTLS},
	"dane: trust anchor of others":                    {zone: "@mx.b.example. 1 IN TLSA 2 0 1 CA-cert-256", cert: "unknown", want: noTLS},
	"dane: trust anchor that is not sent, in full":    {zone: "@mx.b.example. 1 IN TLSA 2 0 0 CA-cert-full", cert: "alone", want: taken, verified: "dane"},
	"dane: trust anchor that is not sent, by digest":  {zone: "@mx.b.example. 1 IN TLSA 2 0 1 CA-cert-256", cert: "alone", want: noTLS},
	"dane: the host is no trust anchor":               {zone: "@mx.b.example. 1 IN TLSA 2 1 1 EE-key-256", want: noTLS},
	"dane: one of two records":                        {zone: tlsaBad + tlsaEE, want: taken, verified: "dane"},
	"dane: old key of the host, and a trust anchor":   {zone: tlsaBad + "@mx.b.example. 1 IN TLSA 2 1 1 CA-key-256", want: taken, verified: "dane"},
	"dane: the stronger digest counts":                {zone: tlsaEE + "@mx.b.example. 1 IN TLSA 3 1 2 BAD-512", want: noTLS},
	"dane: records of no use":                         {zone: pkixEE, cert: "unknown", want: taken},
	"dane: digest of a wrong length":                  {zone: "@mx.b.example. 1 IN TLSA 3 1 1 00", cert: "unknown", want: taken},
	"dane: selector nobody knows":                     {zone: "@mx.b.example. 1 IN TLSA 3 9 1 BAD-256", cert: "unknown", want: taken},
	"dane: digest nobody knows":                       {zone: "@mx.b.example. 1 IN TLSA 3 1 9 BAD-256", cert: "unknown", want: taken},
	"dane: a full certificate that is none":           {zone: "@mx.b.example. 1 IN TLSA 3 0 0 BAD-full", cert: "unknown", want: taken},
	"dane: records of no use, no tls":                 {zone: pkixEE, stripped: true, want: noTLS},
	"dane: tls is stripped":                           {zone: tlsaEE, stripped: true, want: noTLS},
	"dane: bogus records":                             {zone: tlsaEE + "bogus @mx.b.example", want: noDNS, unmet: true},
	"dane: bogus records, no tls":                     {zone: "bogus @mx.b.example", stripped: true, want: noDNS, unmet: true},
	"dane: bogus mx":                                  {zone: tlsaEE + "bogus b.example MX", want: noDNS, unmet: true},
	"dane: bogus address":                             {zone: tlsaEE + "bogus mx.b.example A\nbogus mx.b.example AAAA", want: noDNS, unmet: true},
	"dane: bogus records of one host of two":          {zone: tlsaEE + "b.example. 1 IN MX 1 mx1.b.example.\nmx1.b.example. 1 IN A 127.0.0.1\nbogus @mx1.b.example", want: taken, verified: "dane"},
	"dane: insecure records":                          {zone: tlsaBad + "insecure @mx.b.example", want: taken},
	"dane: insecure mx":                               {zone: tlsaBad + "insecure b.example", want: taken},
	"dane: insecure address":                          {zone: tlsaBad + "insecure mx.b.example", want: taken},
	"dane: bogus records of an insecure address":      {zone: "bogus @mx.b.example\ninsecure mx.b.example", want: taken},
	"dane: records of another port":                   {zone: "_1._tcp.mx.b.example. 1 IN TLSA 3 1 1 BAD-256", want: taken},
	"dane: no tls is wanted":                          {zone: tlsaBad, tls: tenant.TLSNone, want: taken, clear: true},
	"dane: tls is required anyway":                    {zone: tlsaBad, tls: tenant.TLSRequired, want: noTLS},
	"dane: verification is wanted anyway":             {zone: tlsaEE, cert: "unknown", tls: tenant.TLSVerified, want: taken, verified: "dane"},
	"dane: the operator knows better":                 {zone: tlsaBad, tls: tenant.TLSVerified, own: true, want: taken, verified: "pkix"},
	"dane: implicit mx":                               {only: "b.example. 1 IN A 127.0.0.1\n@b.example. 1 IN TLSA 3 1 1 EE-key-256", want: taken, verified: "dane"},
	"dane: implicit mx, another key":                  {only: "b.example. 1 IN A 127.0.0.1\n@b.example. 1 IN TLSA 3 1 1 BAD-256", want: noTLS},
	"dane: alias, records at its end":                 {only: aliasZone + "@end.c.example. 1 IN TLSA 3 1 1 EE-key-256\n@mx.b.example. 1 IN TLSA 3 1 1 BAD-256", want: taken, verified: "dane"},
	"dane: alias, records at its start":               {only: aliasZone + tlsaEE, want: taken, verified: "dane"},
	"dane: alias, bogus records at its end":           {only: aliasZone + tlsaEE + "bogus @end.c.example", want: noDNS, unmet: true},
	"dane: alias out of the secure zone":              {only: aliasZone + tlsaEE + "@end.c.example. 1 IN TLSA 3 1 1 BAD-256\ninsecure end.c.example", want: taken, verified: "dane"},
	"dane: alias out of the secure zone, another key": {only: aliasZone + tlsaBad + "insecure end.c.example", want: noTLS},

	"mta-sts: enforced":                              {sts: "enforce mx.b.example", want: taken, verified: "mta-sts"},
	"mta-sts: enforced, by wildcard":                 {sts: "enforce *.b.example", want: taken, verified: "mta-sts"},
	"mta-sts: enforced, insecure mx":                 {sts: "enforce *.b.example", zone: "insecure b.example", want: taken, verified: "mta-sts"},
	"mta-sts: enforced, tls required anyway":         {sts: "enforce mx.b.example", tls: tenant.TLSRequired, want: taken, verified: "mta-sts"},
	"mta-sts: enforced, another name":                {sts: "enforce mx.b.example", cert: "wrong", want: noTLS},
	"mta-sts: enforced, name of the domain":          {sts: "enforce mx.b.example", cert: "domain", want: noTLS},
	"mta-sts: enforced, expired":                     {sts: "enforce mx.b.example", cert: "expired", want: noTLS},
	"mta-sts: enforced, unknown authority":           {sts: "enforce mx.b.example", cert: "unknown", want: noTLS},
	"mta-sts: enforced, tls is stripped":             {sts: "enforce mx.b.example", stripped: true, want: noTLS},
	"mta-sts: enforced, host not named":              {sts: "enforce *.c.example", want: noTLS, unmet: true},
	"mta-sts: enforced, one host of two not named":   {sts: "enforce mx.b.example", zone: "b.example. 1 IN MX 1 evil.example.\nevil.example. 1 IN A 127.0.0.1", want: taken, verified: "mta-sts"},
	"mta-sts: enforced, no tls is wanted":            {sts: "enforce *.c.example", tls: tenant.TLSNone, want: taken, clear: true},
	"mta-sts: tested":                                {sts: "testing mx.b.example", want: taken},
	"mta-sts: tested, unknown authority":             {sts: "testing mx.b.example", cert: "unknown", want: taken},
	"mta-sts: tested, host not named":                {sts: "testing *.c.example", want: taken},
	"mta-sts: tested, tls is stripped":               {sts: "testing mx.b.example", stripped: true, want: taken, clear: true},
	"mta-sts: given up":                              {sts: "none mx.c.example", stripped: true, want: taken, clear: true},
	"mta-sts: not known":                             {unknown: true, stripped: true, want: taken, clear: true},
	"both: dane goes first":                          {zone: tlsaEE, sts: "enforce *.c.example", cert: "unknown", want: taken, verified: "dane"},
	"both: a valid certificate does not mend dane":   {zone: tlsaBad, sts: "enforce mx.b.example", want: noTLS},
	"both: records of no use, valid certificate":     {zone: pkixEE, sts: "enforce mx.b.example", want: taken, verified: "mta-sts"},
	"both: records of no use, unknown authority":     {zone: pkixEE, sts: "enforce mx.b.example", cert: "unknown", want: noTLS},
	"both: records of no use, tested, tls stripped":  {zone: pkixEE, sts: "testing mx.b.example", stripped: true, want: noTLS},
	"both: bogus records are not mended by a policy": {zone: "bogus @mx.b.example", sts: "enforce mx.b.example", want: noDNS, unmet: true},

	"requiretls: dane":                             {requireTLS: true, zone: tlsaEE, cert: "unknown", want: taken, verified: "dane"},
	"requiretls: dane, another key":                {requireTLS: true, zone: tlsaBad, want: noReq},
	"requiretls: dane, records of no use":          {requireTLS: true, zone: pkixEE, cert: "unknown", want: noReq},
	"requiretls: dane, not offered":                {requireTLS: true, zone: tlsaEE, noREQ: true, want: noReq},
	"requiretls: dane, bogus records":              {requireTLS: true, zone: "bogus @mx.b.example", want: noDNS, unmet: true},
	"requiretls: mta-sts":                          {requireTLS: true, sts: "enforce mx.b.example", want: taken, verified: "mta-sts"},
	"requiretls: mta-sts, insecure mx":             {requireTLS: true, sts: "enforce mx.b.example", zone: "insecure b.example", want: taken, verified: "mta-sts"},
	"requiretls: mta-sts, tested":                  {requireTLS: true, sts: "testing mx.b.example", zone: "insecure b.example", want: taken, verified: "pkix"},
	"requiretls: mta-sts, tested, unknown":         {requireTLS: true, sts: "testing mx.b.example", cert: "unknown", want: noReq},
	"requiretls: mta-sts, tested, host not named":  {requireTLS: true, sts: "testing *.c.example", zone: "insecure b.example", want: noReq, unmet: true},
	"requiretls: secure mx":                        {requireTLS: true, want: taken, verified: "pkix"},
	"requiretls: secure mx, unknown authority":     {requireTLS: true, cert: "unknown", want: noReq},
	"requiretls: nobody vouches for the host":      {requireTLS: true, zone: "insecure b.example", want: noReq, unmet: true},
	"requiretls: the domain is the host itself":    {requireTLS: true, only: "b.example. 1 IN A 127.0.0.1\ninsecure b.example", cert: "domain", want: taken, verified: "pkix"},
	"requiretls: the tls is stripped":              {requireTLS: true, stripped: true, want: noReq},
	"requiretls: the operator vouches for the way": {requireTLS: true, zone: "insecure b.example", tls: tenant.TLSVerified, own: true, want: taken, verified: "pkix"},
}

const aliasZone = "b.example. 1 IN MX 10 mx.b.example.\nmx.b.example. 1 IN CNAME end.c.example.\nend.c.example. 1 IN A 127.0.0.1\n"

func TestDANEAndMTASTS(t *testing.T) {
	t.Parallel()
	keys := newPKI(t)
	for name, p := range parties {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policies := &said{}
			if !p.unknown {
				policies.text.Store(&p.sts)
			}
			sink := p.host(t, keys)
			r, route := p.sender(t, keys, sink, policies)
			j := job("Subject: x\r\n\r\n")
			j.Envelope.RequireTLS = p.requireTLS
			for range 2 { // the second comes from the pool
				res := r.Deliver(t.Context(), route, j, nil)[0]
				if !strings.HasPrefix(res.Reply.String(), p.want) || res.Verified != p.verified {
					t.Errorf("got %s, verified by %q", res.Reply, res.Verified)
				}
			}
			p.check(t, sink)
		})
	}
}

// host starts the host of the domain.
func (p *party) host(tb testing.TB, keys *pki) *mailtest.Sink {
	tb.Helper()
	c := mailtest.SinkConfig{Extensions: []string{"PIPELINING"}}
	if !p.noREQ {
		c.Extensions = append(c.Extensions, "REQUIRETLS")
	}
	if !p.stripped {
		c.TLS = &tls.Config{Certificates: []tls.Certificate{keys.certs[p.cert]}, MinVersion: tls.VersionTLS12}
	}
	return mailtest.StartSink(tb, c)
}

// sender returns a relay that uses the zone and the policies, and its route to the sink.
func (p *party) sender(tb testing.TB, keys *pki, sink *mailtest.Sink, policies relay.Policies) (*relay.Relay, tenant.Route) {
	tb.Helper()
	route := tenant.Route{Transport: tenant.TransportSMTP, TLS: p.tls, CAFile: keys.caFile}
	if p.tls == tenant.TLSVerified && !p.own {
		route.CAFile = ""
	}
	_, port, err := net.SplitHostPort(sink.Addr)
	if err != nil {
		tb.Fatal(err)
	}
	if route.Port, err = strconv.Atoi(port); err != nil {
		tb.Fatal(err)
	}
	zone := p.only
	if zone == "" {
		zone = plainZone
	}
	server := mailtest.StartSignedZone(tb, keys.fill(zone+"\n"+p.zone, p.cert, port))
	client, err := dns.New(dns.Config{Servers: []string{server.Addr}, Timeout: 10 * time.Second})
	if err != nil {
		tb.Fatal(err)
	}
	r := relay.New(relay.Config{
		Hostname: "out.example", Resolver: client.For(nil), Secure: client.For(nil), Policies: policies, AllowPrivateMX: true,
		Log: slog.New(slog.DiscardHandler),
	})
	tb.Cleanup(func() {
		if err := errors.Join(r.Close(), client.Close()); err != nil {
			tb.Error(err)
		}
	})
	return r, route
}

// check looks at what the host saw of two deliveries.
func (p *party) check(t *testing.T, sink *mailtest.Sink) {
	t.Helper()
	got := sink.Transactions()
	if want := p.want == taken; want != (len(got) == 2) || !want && len(got) != 0 {
		t.Errorf("%d messages arrived", len(got))
	}
	for _, tr := range got {
		if tr.TLS == p.clear {
			t.Errorf("over tls: %t", tr.TLS)
		}
	}
	if n := sink.Connections(); p.unmet != (n == 0) {
		t.Errorf("%d connections", n)
	}
	if n := sink.Connections(); p.want == taken && n != 1 {
		t.Errorf("%d connections for two deliveries under the same demand", n)
	}
	for _, c := range sink.Commands() {
		if p.want != taken && strings.HasPrefix(c, "MAIL") {
			t.Errorf("the host was told: %s", c)
		}
	}
}

func TestConnectionsAreNotReusedUnderOtherDemands(t *testing.T) {
	t.Parallel()
	keys := newPKI(t)
	p := party{cert: "unknown"}
	policies := &said{}
	sink := p.host(t, keys)
	r, route := p.sender(t, keys, sink, policies)
	for _, step := range []struct {
		sts, want   string
		connections int
	}{
		{"", taken, 1},
		{"", taken, 1},
		{"testing mx.b.example", taken, 2},
		{"enforce mx.b.example", noTLS, 3},
		{"testing mx.b.example", taken, 3},
		{"", taken, 3},
	} {
		policies.text.Store(&step.sts)
		res := r.Deliver(t.Context(), route, job("Subject: x\r\n\r\n"), nil)[0]
		if !strings.HasPrefix(res.Reply.String(), step.want) || sink.Connections() != step.connections {
			t.Errorf("%q: got %s over %d connections", step.sts, res.Reply, sink.Connections())
		}
	}
}

func TestProbeAndVerifyKnowTheDemand(t *testing.T) {
	t.Parallel()
	keys := newPKI(t)
	for name, tc := range map[string]struct {
		party    party
		verified bool
		asked    bool
	}{
		"dane":               {party{zone: tlsaEE, cert: "unknown"}, true, true},
		"dane, another key":  {party{zone: tlsaBad}, false, false},
		"mta-sts":            {party{sts: "enforce mx.b.example"}, true, true},
		"mta-sts, wrong one": {party{sts: "enforce mx.b.example", cert: "wrong"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policies := &said{}
			policies.text.Store(&tc.party.sts)
			r, route := tc.party.sender(t, keys, tc.party.host(t, keys), policies)
			route.Domain = "b.example"
			probe, err := r.Probe(t.Context(), route)
			if err != nil || probe.Verified != tc.verified || probe.TLS == "" || (probe.VerifyErr == "") != tc.verified {
				t.Errorf("probe: %+v, %v", probe, err)
			}
			reply, err := r.Verify(t.Context(), route, "", job("").Envelope.Recipients[0])
			if (err == nil) != tc.asked || tc.asked && reply.Code != 250 {
				t.Errorf("verify: %v, %v", reply, err)
			}
		})
	}
}

// web fetches from the port of a test server what is meant for port 443.
type web struct {
	*egress.Client
	port string
}

func (w *web) Get(ctx context.Context, url string, o egress.Options) (*egress.Response, error) {
	return w.Client.Get(ctx, strings.Replace(url, "b.example/", "b.example:"+w.port+"/", 1), o)
}

// TestPolicyFromTheWebOutlivesTheWeb delivers under a policy that is fetched over HTTPS,
// and again, as after a restart, when it is no longer served.
func TestPolicyFromTheWebOutlivesTheWeb(t *testing.T) {
	t.Parallel()
	keys, dir := newPKI(t), t.TempDir()
	p := party{zone: "_mta-sts.b.example. 1 IN TXT \"v=STSv1; id=1\"\nmta-sts.b.example. 1 IN A 127.0.0.1"}
	sink := p.host(t, keys)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/mta-sts.txt" {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write([]byte("version: STSv1\nmode: enforce\nmx: mx.b.example\nmax_age: 86400\n"))
		}
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{keys.ca.issue(t, "mta-sts.b.example", time.Hour)}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(keys.ca.cert)
	deliver := func(zone string) relay.Result {
		t.Helper()
		_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
		n, _ := strconv.ParseUint(port, 10, 16)
		z := mailtest.StartSignedZone(t, plainZone+zone)
		client, err := dns.New(dns.Config{Servers: []string{z.Addr}, Timeout: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		out := egress.New(egress.Config{Resolver: client.For(nil), AllowPrivate: true, Ports: []uint16{uint16(n)}, Roots: roots})
		policies, err := mtasts.New(mtasts.Config{Resolver: client.For(nil), Fetcher: &web{out, port}, Dir: dir, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		r, route := p.sender(t, keys, sink, policies)
		res := r.Deliver(t.Context(), route, job("Subject: x\r\n\r\n"), nil)[0]
		if err := errors.Join(policies.Close(), out.Close(), client.Close()); err != nil {
			t.Error(err)
		}
		return res
	}
	if res := deliver(p.zone); res.Status != relay.Delivered || res.Verified != relay.VerifiedSTS {
		t.Errorf("fetched: %+v", res)
	}
	server.Close()
	if res := deliver(p.zone); res.Status != relay.Delivered || res.Verified != relay.VerifiedSTS {
		t.Errorf("kept: %+v", res)
	}
	if res := deliver(""); res.Status != relay.Delivered || res.Verified != relay.VerifiedSTS {
		t.Errorf("kept without record: %+v", res)
	}
}
