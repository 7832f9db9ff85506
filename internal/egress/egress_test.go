package egress_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outrider/internal/egress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// names is a resolver for a few hosts. A host with two addresses rebinds: it has the first
// on the first query, and the second from then on.
type names struct {
	hosts map[string][]string
	asked atomic.Int64
}

func (n *names) LookupHost(_ context.Context, host string) ([]netip.Addr, error) {
	addrs := n.hosts[host]
	if len(addrs) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	i := min(int(n.asked.Add(1)), len(addrs)) - 1
	return []netip.Addr{netip.MustParseAddr(addrs[i])}, nil
}

// site is a web server whose host names are "web.example" and, forbidden, "inside.example".
type site struct {
	*httptest.Server
	port  string
	inner atomic.Int64 // requests that reached inside.example
	seen  atomic.Pointer[http.Request]
}

func newSite(t *testing.T, secure bool) *site {
	t.Helper()
	s := &site{}
	mux := http.NewServeMux()
	s.routes(mux)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.seen.Store(r)
		if strings.HasPrefix(r.Host, "inside.example") || strings.HasPrefix(r.Host, "127.0.0.2") {
			s.inner.Add(1)
		}
		mux.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = nil
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	_, s.port, _ = net.SplitHostPort(s.Listener.Addr().String())
	return s
}

func (s *site) routes(mux *http.ServeMux) {
	text := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "Text/Plain; charset=utf-8")
		_, _ = io.WriteString(w, body)
	}
	to := func(format string, args ...any) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, fmt.Sprintf(format, append(args, s.port)...), http.StatusFound)
		}
	}
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { text(w, "hello") })
	mux.HandleFunc("/cookie", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "id", Value: "1"})
		http.Redirect(w, r, "/ok", http.StatusSeeOther)
	})
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.PathValue("code"))
		w.WriteHeader(code)
	})
	mux.HandleFunc("/inside", to("http://inside.example:%s/ok"))
	mux.HandleFunc("/literal", to("http://127.0.0.2:%s/ok"))
	mux.HandleFunc("/credentials", to("http://u:p@web.example:%s/ok"))
	mux.HandleFunc("/downgrade", to("http://web.example:%s/ok"))
	mux.HandleFunc("/file", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "file:///etc/passwd")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/port", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://web.example:6379/", http.StatusFound)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { text(w, strings.Repeat("x", 2<<10)) })
	mux.HandleFunc("/exact", func(w http.ResponseWriter, _ *http.Request) { text(w, strings.Repeat("x", 1<<10)) })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<10)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		text(w, "a")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "text/plain")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, "packed")
		_ = z.Close()
	})
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(make([]byte, 64<<20))
		_ = z.Close()
	})
	mux.HandleFunc("/brotli", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		text(w, "?")
	})
	mux.HandleFunc("/headers", func(w http.ResponseWriter, _ *http.Request) {
		for i := range 200 {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 1<<10))
		}
		text(w, "hello")
	})
}

// config allows the port of the site, and little of everything.
func (s *site) config(t *testing.T) egress.Config {
	t.Helper()
	port, err := strconv.ParseUint(s.port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return egress.Config{
		Resolver: &names{hosts: map[string][]string{"web.example": {"127.0.0.1"}, "inside.example": {"127.0.0.2"}}},
		Ports:    []uint16{uint16(port)}, MaxRedirects: 3, MaxBody: 1 << 10, MaxHeader: 8 << 10, Timeout: 20 * time.Second,
	}
}

// client returns one for which 127.0.0.1 is a public address and all others are not.
func client(t *testing.T, c egress.Config) *egress.Client {
	t.Helper()
	out := egress.NewWithPublic(c, func(a netip.Addr) bool { return a == netip.MustParseAddr("127.0.0.1") })
	t.Cleanup(func() { _ = out.Close() })
	return out
}

func TestGet(t *testing.T) {
	t.Parallel()
	s := newSite(t, false)
	c := client(t, s.config(t))
	for name, tc := range map[string]struct {
		url     string
		options egress.Options
		body    string
		want    error
		temp    bool
	}{
		"a page":                         {url: "http://web.example:%s/ok", body: "hello"},
		"a page at a literal address":    {url: "http://127.0.0.1:%s/ok", body: "hello"},
		"a page of the wanted type":      {url: "http://web.example:%s/ok", options: egress.Options{MediaTypes: []string{"text/plain"}}, body: "hello"},
		"a page of another type":         {url: "http://web.example:%s/ok", options: egress.Options{MediaTypes: []string{"image/svg+xml"}}, want: egress.ErrMediaType},
		"a redirect":                     {url: "http://web.example:%s/cookie", body: "hello"},
		"a redirect that is not wanted":  {url: "http://web.example:%s/cookie", options: egress.Options{NoRedirects: true}, want: egress.ErrRedirect},
		"a redirect loop":                {url: "http://web.example:%s/loop", want: egress.ErrRedirect},
		"a redirect to a private name":   {url: "http://web.example:%s/inside", want: egress.ErrAddress},
		"a redirect to a private number": {url: "http://web.example:%s/literal", want: egress.ErrAddress},
		"a redirect with credentials":    {url: "http://web.example:%s/credentials", want: egress.ErrURL},
		"a redirect to a file":           {url: "http://web.example:%s/file", want: egress.ErrURL},
		"a redirect to another port":     {url: "http://web.example:%s/port", want: egress.ErrAddress},
		"a private name":                 {url: "http://inside.example:%s/ok", want: egress.ErrAddress},
		"a private number":               {url: "http://127.0.0.2:%s/ok", want: egress.ErrAddress},
		"a mapped private number":        {url: "http://[::ffff:127.0.0.2]:%s/ok", want: egress.ErrAddress},
		"a number written oddly":         {url: "http://2130706434:%s/ok", want: errNotFound},
		"a port that is not allowed":     {url: "http://web.example:22/?%s", want: egress.ErrAddress},
		"credentials":                    {url: "http://u:p@web.example:%s/ok", want: egress.ErrURL},
		"another scheme":                 {url: "gopher://web.example:%s/ok", want: egress.ErrURL},
		"no host":                        {url: "http:///%s", want: egress.ErrURL},
		"no url":                         {url: "http://\x00%s", want: egress.ErrURL},
		"an endless url":                 {url: "http://web.example:%s/ok?" + strings.Repeat("x", 8000), want: egress.ErrURL},
		"clear text where it must not":   {url: "http://web.example:%s/ok", options: egress.Options{HTTPSOnly: true}, want: egress.ErrURL},
		"an unknown host":                {url: "http://none.example:%s/ok", want: errNotFound},
		"a body of exactly the limit":    {url: "http://web.example:%s/exact", body: strings.Repeat("x", 1<<10)},
		"a body over the limit":          {url: "http://web.example:%s/large", want: egress.ErrTooLarge},
		"a body over a smaller limit":    {url: "http://web.example:%s/ok", options: egress.Options{MaxBody: 4}, want: egress.ErrTooLarge},
		"an endless body":                {url: "http://web.example:%s/endless", want: egress.ErrTooLarge},
		"a packed body":                  {url: "http://web.example:%s/gzip", body: "packed"},
		"a decompression bomb":           {url: "http://web.example:%s/bomb", want: egress.ErrTooLarge},
		"a packing that nobody offered":  {url: "http://web.example:%s/brotli", want: egress.ErrMediaType},
		"huge headers":                   {url: "http://web.example:%s/headers", want: errAny, temp: true},
		"not there":                      {url: "http://web.example:%s/status/404", want: egress.ErrStatus},
		"broken":                         {url: "http://web.example:%s/status/503", want: egress.ErrStatus, temp: true},
		"too often":                      {url: "http://web.example:%s/status/429", want: egress.ErrStatus, temp: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.Get(t.Context(), fmt.Sprintf(tc.url, s.port), tc.options)
			if tc.want == nil {
				if err != nil || string(got.Body) != tc.body || got.Status != http.StatusOK {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			e, ok := errors.AsType[*egress.Error](err)
			if !ok || got != nil || !matches(err, tc.want) || e.Temporary() != tc.temp {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	t.Cleanup(func() {
		if n := s.inner.Load(); n != 0 {
			t.Errorf("%d requests went inside", n)
		}
	})
}

var (
	errAny      = errors.New("any error")
	errNotFound = errors.New("a host that does not exist")
)

func matches(err, want error) bool {
	if errors.Is(want, errNotFound) {
		d, ok := errors.AsType[*net.DNSError](err)
		return ok && d.IsNotFound
	}
	return errors.Is(want, errAny) || errors.Is(err, want)
}

func TestLoopbackIsNotPublic(t *testing.T) {
	t.Parallel()
	s := newSite(t, false)
	cfg := s.config(t)
	for _, allow := range []bool{false, true} {
		cfg.AllowPrivate = allow
		c := egress.New(cfg)
		for _, host := range []string{"web.example", "127.0.0.1"} {
			_, err := c.Get(t.Context(), "http://"+host+":"+s.port+"/ok", egress.Options{})
			if allow != (err == nil) || !allow && !errors.Is(err, egress.ErrAddress) {
				t.Errorf("%s, private addresses allowed %t: %v", host, allow, err)
			}
		}
		_ = c.Close()
	}
}

func TestSystemResolverIsGuardedToo(t *testing.T) {
	t.Parallel()
	s := newSite(t, false)
	cfg := s.config(t)
	cfg.Resolver = nil
	c := egress.New(cfg)
	defer func() { _ = c.Close() }()
	if _, err := c.Get(t.Context(), "http://localhost:"+s.port+"/ok", egress.Options{}); !errors.Is(err, egress.ErrAddress) {
		t.Errorf("got %v", err)
	}
}

func TestRebindingNameIsCheckedAtEveryConnection(t *testing.T) {
	t.Parallel()
	s := newSite(t, false)
	cfg := s.config(t)
	cfg.Resolver = &names{hosts: map[string][]string{"web.example": {"127.0.0.1", "127.0.0.2"}}}
	c := client(t, cfg)
	if _, err := c.Get(t.Context(), "http://web.example:"+s.port+"/ok", egress.Options{}); err != nil {
		t.Fatal(err)
	}
	_ = c.Close() // so that the next request connects again
	if _, err := c.Get(t.Context(), "http://web.example:"+s.port+"/ok", egress.Options{}); !errors.Is(err, egress.ErrAddress) {
		t.Errorf("got %v", err)
	}
}

func TestRequestsTellLittle(t *testing.T) {
	t.Parallel()
	s := newSite(t, false)
	c := client(t, s.config(t))
	got, err := c.Get(t.Context(), "http://web.example:"+s.port+"/cookie", egress.Options{MediaTypes: []string{"text/plain"}})
	if err != nil || got.MediaType != "text/plain" || got.URL != "http://web.example:"+s.port+"/ok" {
		t.Fatalf("got %+v, %v", got, err)
	}
	h := s.seen.Load().Header
	if h.Get("Cookie") != "" || h.Get("Referer") != "" || h.Get("User-Agent") != "Outrider" || h.Get("Accept") != "text/plain" {
		t.Errorf("got %v", h)
	}
}

func TestDeadlineEndsASlowBody(t *testing.T) {
	t.Parallel()
	s := newSite(t, false)
	cfg := s.config(t)
	cfg.Timeout = 100 * time.Millisecond
	_, err := client(t, cfg).Get(t.Context(), "http://web.example:"+s.port+"/slow", egress.Options{})
	e, ok := errors.AsType[*egress.Error](err)
	if !ok || !errors.Is(err, context.DeadlineExceeded) || !e.Temporary() {
		t.Errorf("got %v", err)
	}
}

func TestRequestsAtOnceAreBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t, false)
	cfg := s.config(t)
	cfg.MaxConcurrent = 1
	c := client(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := c.Get(ctx, "http://web.example:"+s.port+"/slow", egress.Options{})
		done <- err
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.seen.Load() == nil {
		<-tick.C
	}
	short, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := c.Get(short, "http://web.example:"+s.port+"/ok", egress.Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second request: %v", err)
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("the first request had an end")
	}
	if _, err := c.Get(t.Context(), "http://web.example:"+s.port+"/ok", egress.Options{}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	t.Cleanup(old.Close)
	_, oldPort, _ := net.SplitHostPort(old.Listener.Addr().String())
	s := newSite(t, true)
	known := x509.NewCertPool()
	known.AddCert(s.Certificate())
	for name, tc := range map[string]struct {
		roots *x509.CertPool
		host  string
		path  string
		ok    bool
		temp  bool
	}{
		"a certificate that is valid":            {roots: known, host: "example.com:" + s.port, path: "/ok", ok: true},
		"a certificate for another name":         {roots: known, host: "web.example:" + s.port, path: "/ok"},
		"a certificate of nobody":                {roots: x509.NewCertPool(), host: "example.com:" + s.port, path: "/ok"},
		"a redirect to clear text":               {roots: known, host: "example.com:" + s.port, path: "/downgrade"},
		"a version that is not used any more":    {roots: known, host: "example.com:" + oldPort, path: "/", temp: true},
		"a redirect that stays within https":     {roots: known, host: "example.com:" + s.port, path: "/cookie", ok: true},
		"a port that nobody listens at any more": {roots: known, host: "example.com:1", path: "/", temp: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := s.config(t)
			old, _ := strconv.ParseUint(oldPort, 10, 16)
			cfg.Roots, cfg.Ports = tc.roots, append(cfg.Ports, uint16(old), 1)
			cfg.Resolver = &names{hosts: map[string][]string{"web.example": {"127.0.0.1"}, "example.com": {"127.0.0.1"}}}
			got, err := client(t, cfg).Get(t.Context(), "https://"+tc.host+tc.path, egress.Options{HTTPSOnly: true})
			if tc.ok != (err == nil) {
				t.Fatalf("got %+v, %v", got, err)
			}
			if e, _ := errors.AsType[*egress.Error](err); err != nil && e.Temporary() != tc.temp {
				t.Errorf("temporary is %t: %v", !tc.temp, err)
			}
		})
	}
}

func TestProxyTakesEverything(t *testing.T) {
	t.Parallel()
	var asked atomic.Pointer[string]
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(new(r.URL.String()))
		_, _ = io.WriteString(w, "from the proxy")
	}))
	t.Cleanup(proxy.Close)
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := egress.New(egress.Config{Proxy: u})
	defer func() { _ = c.Close() }()
	got, err := c.Get(t.Context(), "http://far.example/x", egress.Options{})
	if err != nil || string(got.Body) != "from the proxy" || *asked.Load() != "http://far.example/x" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, private := range []string{"http://127.0.0.1/", "http://10.0.0.1/", "http://[::1]/"} {
		if _, err := c.Get(t.Context(), private, egress.Options{}); !errors.Is(err, egress.ErrAddress) {
			t.Errorf("%s: %v", private, err)
		}
	}
}
