package rdap_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
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

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"outrider/internal/egress"
	"outrider/internal/rdap"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// registry is the servers of a registry and of a registrar, over HTTPS on this machine.
type registry struct {
	*httptest.Server
	registrar *httptest.Server
	plain     *httptest.Server // without TLS
	asked     atomic.Int64     // questions about domains at the registry
	referred  atomic.Int64     // the same at the registrar
	fetched   atomic.Int64     // bootstrap files
	gone      chan struct{}    // ends what hangs
}

func answer(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/rdap+json")
	_, _ = io.WriteString(w, body)
}

func domain(name, more string) string {
	return fmt.Sprintf(`{"objectClassName":"domain","ldhName":%q%s}`, name, more)
}

func start(t *testing.T) *registry {
	t.Helper()
	r := &registry{gone: make(chan struct{})}
	secure := func(h http.Handler) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.Config.ErrorLog = nil
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	r.registrar = secure(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.referred.Add(1)
		name := q.URL.Path[strings.LastIndexByte(q.URL.Path, '/')+1:]
		if name == "lost.test" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		answer(w, domain(name, `,"entities":[{"roles":["registrant"],"vcardArray":["vcard",[["org",{},"text","Owner Inc."]]]}]`))
	}))
	r.plain = httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(r.plain.Close)
	mux := http.NewServeMux()
	r.routes(t, mux)
	r.Server = secure(mux)
	t.Cleanup(func() { close(r.gone) })
	return r
}

func (r *registry) routes(t *testing.T, mux *http.ServeMux) {
	t.Helper()
	full, err := os.ReadFile("testdata/full.json")
	if err != nil {
		t.Fatal(err)
	}
	link := func(name string) string {
		return domain(name, fmt.Sprintf(`,"events":[{"eventAction":"registration","eventDate":"2020-01-01T00:00:00Z"}],"links":[{"rel":"related","type":"application/rdap+json","href":"%s/domain/%s"}]`, r.registrar.URL, name))
	}
	mux.HandleFunc("/dns.json", func(w http.ResponseWriter, _ *http.Request) {
		r.fetched.Add(1)
		_, _ = fmt.Fprintf(w, `{"version":"1.0","services":[[["test","example"],["http://no.test/","%s/rdap"]],[["insecure"],["%s/"]]]}`, r.URL, r.plain.URL)
	})
	mux.HandleFunc("/rdap/domain/{name}", func(w http.ResponseWriter, q *http.Request) {
		r.asked.Add(1)
		if accept := q.Header.Get("Accept"); !strings.HasPrefix(accept, "application/rdap+json") {
			w.WriteHeader(http.StatusNotAcceptable)
			return
		}
		switch name := q.PathValue("name"); name {
		case "shop.test":
			answer(w, string(full))
		case "thin.test", "lost.test":
			answer(w, link(name))
		case "free.test":
			w.Header().Set("Content-Type", "application/rdap+json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"errorCode":404,"title":"Not Found"}`)
		case "busy.test":
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusTooManyRequests)
		case "broken.test":
			w.WriteHeader(http.StatusBadGateway)
		case "moved.test":
			http.Redirect(w, q, "/elsewhere/moved.test", http.StatusFound)
		case "downgrade.test":
			http.Redirect(w, q, r.plain.URL, http.StatusFound)
		case "other.test":
			answer(w, domain("victim.test", ""))
		case "entity.test":
			answer(w, `{"objectClassName":"entity","ldhName":"entity.test"}`)
		case "page.test":
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, domain(name, ""))
		case "huge.test":
			answer(w, domain(name, `,"remarks":"`+strings.Repeat("x", 300<<10)+`"`))
		case "slow.test":
			select {
			case <-r.gone:
			case <-q.Context().Done():
			}
		default:
			answer(w, domain(name, ""))
		}
	})
	mux.HandleFunc("/elsewhere/{name}", func(w http.ResponseWriter, q *http.Request) { answer(w, domain(q.PathValue("name"), "")) })
}

// client returns a client that may ask the servers of the test.
func (r *registry) client(t *testing.T, c rdap.Config) *rdap.Client {
	t.Helper()
	roots := x509.NewCertPool()
	var ports []uint16
	for _, s := range []*httptest.Server{r.Server, r.registrar} {
		roots.AddCert(s.Certificate())
		_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
		n, _ := strconv.ParseUint(port, 10, 16)
		ports = append(ports, uint16(n))
	}
	web := egress.New(egress.Config{AllowPrivate: true, Ports: ports, Roots: roots})
	c.Fetcher = web
	if c.Bootstrap == "" {
		c.Bootstrap = r.URL + "/dns.json"
	}
	client, err := rdap.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(client.Close(), web.Close()); err != nil {
			t.Error(err)
		}
	})
	return client
}

func lookup(t *testing.T, c *rdap.Client, name string) *rdap.Registration {
	t.Helper()
	reg, err := c.Lookup(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

var ignore = cmp.Options{cmpopts.IgnoreUnexported(rdap.Registration{}), cmpopts.IgnoreFields(rdap.Registration{}, "Checked")}

func TestRegistrationIsFoundAndRemembered(t *testing.T) {
	t.Parallel()
	r := start(t)
	c := r.client(t, rdap.Config{})
	if _, ok := c.Cached("shop.test"); ok {
		t.Error("something is known before anybody asked")
	}
	owner := rdap.Contact{
		Name: "Ann Owner", Company: "Shop, Sales", Email: "ann@shop.test", Country: "Iceland", CountryCode: "IS", State: "Capital", City: "Reykjavik",
		Zip: "101", Address: "Main Street 1, Floor 2", Phone: "+354.5550100", Fax: "+354.5550101",
	}
	want := &rdap.Registration{
		Domain: "shop.test", Found: true, Registrar: "Cheap Names Ltd.", Registrant: owner, Administrative: owner,
		Registered: time.Date(2026, 11, 20, 6, 30, 0, 0, time.UTC), Changed: time.Date(2026, 11, 21, 10, 0, 0, 123e6, time.UTC), Expires: time.Date(2027, 11, 20, 6, 30, 0, 0, time.UTC),
		Status: []string{"client transfer prohibited", "active"}, NameServers: []string{"ns1.hosting.test", "ns2.hosting.test"},
	}
	for _, name := range []string{"shop.test", "Mail.SHOP.test", "a.b.shop.test."} {
		if got := lookup(t, c, name); !cmp.Equal(got, want, ignore) || time.Since(got.Checked) > time.Minute {
			t.Errorf("%s: %s", name, cmp.Diff(want, got, ignore))
		}
	}
	if got, ok := c.Cached("www.shop.test"); !ok || !cmp.Equal(got, want, ignore) {
		t.Error("what was found is not remembered")
	}
	if n, f := r.asked.Load(), r.fetched.Load(); n != 1 || f != 1 {
		t.Errorf("the registry was asked %d times, the bootstrap file %d times", n, f)
	}
}

func TestDomainThatIsNotRegistered(t *testing.T) {
	t.Parallel()
	r := start(t)
	c := r.client(t, rdap.Config{})
	if got := lookup(t, c, "free.test"); got.Found || got.Domain != "free.test" || got.Checked.IsZero() {
		t.Errorf("got %+v", got)
	}
	lookup(t, c, "free.test")
	if got, ok := c.Cached("free.test"); !ok || got.Found || r.asked.Load() != 1 {
		t.Errorf("a missing domain is not remembered: asked %d times", r.asked.Load())
	}
}

func TestWhatIsRememberedEnds(t *testing.T) {
	t.Parallel()
	r := start(t)
	c := r.client(t, rdap.Config{Keep: time.Hour, KeepMissing: time.Nanosecond})
	for range 3 {
		lookup(t, c, "free.test")
		lookup(t, c, "shop.test")
	}
	if n := r.asked.Load(); n != 4 {
		t.Errorf("the registry was asked %d times", n)
	}
}

func TestRegistrarIsAskedForTheRegistrant(t *testing.T) {
	t.Parallel()
	r := start(t)
	c := r.client(t, rdap.Config{})
	if got := lookup(t, c, "thin.test"); got.Registrant.Company != "Owner Inc." || got.Registered.Year() != 2020 {
		t.Errorf("got %+v", got)
	}
	if got := lookup(t, c, "lost.test"); got.Registrant != (rdap.Contact{}) || got.Registered.Year() != 2020 {
		t.Errorf("without its registrar: %+v", got)
	}
	lookup(t, c, "shop.test")
	if n := r.referred.Load(); n != 2 {
		t.Errorf("registrars were asked %d times", n)
	}
}

func TestRedirectsAreFollowedToSecurePlaces(t *testing.T) {
	t.Parallel()
	c := start(t).client(t, rdap.Config{})
	if got := lookup(t, c, "moved.test"); !got.Found {
		t.Errorf("got %+v", got)
	}
	if _, err := c.Lookup(t.Context(), "downgrade.test"); !errors.Is(err, egress.ErrURL) {
		t.Errorf("got %v", err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	r := start(t)
	c := r.client(t, rdap.Config{})
	for name, want := range map[string]error{
		"other.test": rdap.ErrAnswer, "entity.test": rdap.ErrAnswer, "page.test": egress.ErrMediaType, "huge.test": egress.ErrTooLarge,
		"broken.test": egress.ErrStatus, "shop.insecure": rdap.ErrNoServer, "shop.nowhere": rdap.ErrNoServer,
	} {
		for range 2 {
			if reg, err := c.Lookup(t.Context(), name); !errors.Is(err, want) || reg != nil {
				t.Errorf("%s: got %+v, %v", name, reg, err)
			}
		}
		if _, ok := c.Cached(name); ok {
			t.Errorf("%s: an error is an answer", name)
		}
	}
	if n := r.asked.Load(); n != 5 {
		t.Errorf("the registry was asked %d times", n)
	}
	for _, name := range []string{"", "a..b", strings.Repeat("x", 300) + ".test"} {
		if _, err := c.Lookup(t.Context(), name); err == nil {
			t.Errorf("%q was looked up", name)
		}
	}
}

func TestServerThatIsAskedTooOftenIsLeftAlone(t *testing.T) {
	t.Parallel()
	r := start(t)
	c := r.client(t, rdap.Config{})
	for _, name := range []string{"busy.test", "shop.test", "busy.test"} {
		if _, err := c.Lookup(t.Context(), name); !errors.Is(err, rdap.ErrBusy) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if n := r.asked.Load(); n != 1 {
		t.Errorf("the registry was asked %d times", n)
	}
}

func TestServerIsAskedSlowly(t *testing.T) {
	t.Parallel()
	r := start(t)
	c := r.client(t, rdap.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	done := make(chan error)
	const questions = 40
	for i := range questions {
		go func() {
			_, err := c.Lookup(ctx, fmt.Sprintf("d%d.test", i))
			done <- err
		}()
	}
	failed := 0
	for range questions {
		if err := <-done; err != nil {
			failed++
		}
	}
	// How few are asked in time depends on the machine; more than the limit allows never are.
	if n := r.asked.Load(); n > 12 || failed < questions-12 {
		t.Errorf("of %d questions at once %d were asked, and %d failed", questions, n, failed)
	}
}

func TestSlowServerHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	r := start(t)
	c := r.client(t, rdap.Config{})
	lookup(t, c, "shop.test")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Lookup(ctx, "slow.test"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if got := lookup(t, c, "moved.test"); !got.Found {
		t.Errorf("got %+v", got)
	}
}

func TestManyAskOnce(t *testing.T) {
	t.Parallel()
	r := start(t)
	c := r.client(t, rdap.Config{})
	done := make(chan error)
	for range 20 {
		go func() {
			_, err := c.Lookup(t.Context(), "shop.test")
			done <- err
		}()
	}
	for range 20 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := r.asked.Load(); n != 1 {
		t.Errorf("the registry was asked %d times", n)
	}
}

func TestBootstrapFile(t *testing.T) {
	t.Parallel()
	r := start(t)
	path := filepath.Join(t.TempDir(), "dns.json")
	if err := os.WriteFile(path, fmt.Appendf(nil, `{"services":[[["test"],["%s/rdap/"]]]}`, r.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	c := r.client(t, rdap.Config{Bootstrap: path})
	if got := lookup(t, c, "shop.test"); !got.Found {
		t.Errorf("got %+v", got)
	}
	c = r.client(t, rdap.Config{Bootstrap: path + ".none"})
	if _, err := c.Lookup(t.Context(), "shop.test"); !errors.Is(err, rdap.ErrNoServer) {
		t.Errorf("got %v", err)
	}
}

func TestParseBootstrap(t *testing.T) {
	t.Parallel()
	got, err := rdap.ParseBootstrap([]byte(`{"services":[
		[["COM","xn--p1ai"],["http://a.test/","https://b.test/v1"]], [["net"],["ftp://c.test/"]], [["org"],["https://u:p@d.test/"]],
		[["bad..name","de"],["https://e.test/"]], [["lonely"]], []]}`))
	want := map[string]string{"com": "https://b.test/v1/", "xn--p1ai": "https://b.test/v1/", "de": "https://e.test/"}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%s, %v", cmp.Diff(want, got), err)
	}
	for _, raw := range []string{"", "[]", "{}", `{"services":{}}`, `{"services":[[["com"],["http://a.test/"]]]}`} {
		if _, err := rdap.ParseBootstrap([]byte(raw)); err == nil {
			t.Errorf("%q is a bootstrap file", raw)
		}
	}
}

func TestParseTakesWhatIsInOrder(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, more string
		want       rdap.Registration
	}{
		{"members of other types", `,"status":7,"events":{},"entities":"x","nameservers":null,"links":[1]`, rdap.Registration{}},
		{"a single status", `,"status":"client hold"`, rdap.Registration{Status: []string{"client hold"}}},
		{"a time that is none", `,"events":[{"eventAction":"registration","eventDate":"yesterday"},{"eventAction":"expiration","eventDate":"0001-01-01T00:00:00Z"}]`, rdap.Registration{}},
		{"a card without values", `,"entities":[{"roles":["registrar"],"vcardArray":["vcard",[["fn"],["fn",{},"text"],[],"x"]]}]`, rdap.Registration{}},
		{"a registrar that is only an organisation", `,"entities":[{"roles":["registrar"],"vcardArray":["vcard",[["org",[],"text","Names"]]]}]`, rdap.Registration{Registrar: "Names"}},
		{"a role that is no list", `,"entities":[{"roles":"technical","vcardArray":["vcard",[["FN",{},"text","T"],["adr",{},"text",["too short"]],["adr",{},"text",7]]]}]`, rdap.Registration{Technical: rdap.Contact{Name: "T"}}},
		{"control characters", `,"entities":[{"roles":["registrant"],"vcardArray":["vcard",[["fn",{},"text","A\u0000\r\nB\u202e "]]]}]`, rdap.Registration{Registrant: rdap.Contact{Name: "AB"}}},
		{"names that are none", `,"nameservers":[{"ldhName":"a..b"},{"ldhName":"ok.test"},{}]`, rdap.Registration{NameServers: []string{"ok.test"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.want.Domain, tt.want.Found = "shop.test", true
			got, err := rdap.Parse([]byte(domain("Shop.Test.", tt.more)), "shop.test")
			if err != nil || !cmp.Equal(got, &tt.want, ignore, cmpopts.EquateEmpty()) {
				t.Errorf("%s, %v", cmp.Diff(&tt.want, got, ignore), err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	full, err := os.ReadFile("testdata/full.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	f.Add([]byte(domain("shop.test", `,"entities":[{"roles":["registrar"],"vcardArray":["vcard",[["fn",{},"text","A"]]]}]`)))
	f.Add([]byte(`{"objectClassName":"domain","ldhName":"shop.test","links":[{"rel":"related","type":"application/rdap+json","href":"https://x.test/"}]}`))
	f.Add([]byte(strings.Repeat("[", 50)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		reg, err := rdap.Parse(raw, "shop.test")
		if (reg == nil) == (err == nil) {
			t.Fatalf("got %v and %v", reg, err)
		}
		if err != nil {
			return
		}
		const most = 64
		if !reg.Found || reg.Domain != "shop.test" || len(reg.Status) > most || len(reg.NameServers) > most {
			t.Fatalf("got %+v", reg)
		}
		for _, text := range append([]string{reg.Registrar, reg.Registrant.Name, reg.Registrant.Address, reg.Technical.Email}, reg.Status...) {
			if len(text) > 300 || strings.ContainsAny(text, "\r\n\x00\x7f") {
				t.Fatalf("a text is %q", text)
			}
		}
	})
}

func FuzzParseBootstrap(f *testing.F) {
	f.Add([]byte(`{"services":[[["com"],["https://a.test/"]]]}`))
	f.Add([]byte(`{"services":[[["com"],["https://a.test/%zz"]],[[],[]]]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		bases, err := rdap.ParseBootstrap(raw)
		if (len(bases) == 0) == (err == nil) {
			t.Fatalf("got %v and %v", bases, err)
		}
		for name, base := range bases {
			if !strings.HasPrefix(base, "https://") || !strings.HasSuffix(base, "/") {
				t.Fatalf("%s is at %q", name, base)
			}
		}
	})
}

func TestServes(t *testing.T) {
	t.Parallel()
	r := start(t)
	c := r.client(t, rdap.Config{})
	if !c.Serves("nowhere.invalid") {
		t.Error("before the bootstrap file was read nobody knows")
	}
	lookup(t, c, "shop.test")
	for domain, want := range map[string]bool{"www.other.test": true, "a.com": true, "nowhere.invalid": false, "a..b": false} {
		if got := c.Serves(domain); got != want {
			t.Errorf("%s is served: %v", domain, got)
		}
	}
}
