// Package egress is the only HTTP client of Outrider for outside hosts.
//
// Strangers choose most of the URLs: the policy of a domain, the logo of a sender, the
// target of a link. A name that they own may point into our own network (server-side
// request forgery), and may change a moment later (DNS rebinding), so the check is made at
// the socket, on every hop, on the address that is about to be connected to. Everything
// else has a bound: time, hops, header bytes, body bytes after decompression, and
// concurrent requests.
//
// Standards: RFC 9110 and 9112 (HTTP/1.1), RFC 9110 Section 15.4 (redirects), RFC 8446 and
// 5246 (TLS 1.3 and 1.2).
//
// Limits: GET only, except for libraries that use HTTP; no cookies, no credentials, no
// HTTP/2. With a proxy, the proxy resolves names and must itself refuse networks that are
// not public: only literal addresses are checked here.
package egress

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"outrider/internal/address"
)

// Resolver looks up the addresses of a host; dns.Session fits.
type Resolver interface {
	LookupHost(ctx context.Context, host string) ([]netip.Addr, error)
}

// Config configures a Client. Zero values mean the stated defaults.
type Config struct {
	Resolver      Resolver       // the system's when nil
	AllowPrivate  bool           // connect to addresses that are not public: for closed networks
	Ports         []uint16       // 80 and 443 when empty
	MaxRedirects  int            // hops after the first request; 5 when 0
	MaxBody       int64          // bytes of a body, decompressed; 1 MiB when 0
	MaxHeader     int64          // bytes of a response's header; 64 KiB when 0
	Timeout       time.Duration  // of a whole request, including waiting and all hops; 30 s when 0
	MaxConcurrent int            // concurrent requests, others wait; 32 when 0
	Proxy         *url.URL       // HTTP proxy for all requests, or nil
	Roots         *x509.CertPool // trusted certificate authorities; the system's when nil
	UserAgent     string         // "Outrider" when ""
}

// Options adds restrictions for one request.
type Options struct {
	NoRedirects bool     // a redirect is an error
	HTTPSOnly   bool     // on every hop
	MediaTypes  []string // accepted types, in lower case without parameters; any when empty
	MaxBody     int64    // if smaller than that of Config; 0: unchanged
}

// Response is a complete response with a status of 2xx.
type Response struct {
	URL       string // of the last hop
	Status    int
	Header    http.Header
	MediaType string // in lower case, without parameters; "" if missing or malformed
	Body      []byte // decompressed
}

// maxURL is the longest requested URL, in bytes: RFC 9110, Section 4.1 recommends 8000, and
// our URLs are far shorter.
const maxURL = 8000

// Client makes requests. It is safe for concurrent use.
type Client struct {
	cfg       Config
	transport *http.Transport
	slots     chan struct{} // one token per active request
	public    func(netip.Addr) bool
}

// New returns a client. Close must be called.
func New(c Config) *Client {
	if len(c.Ports) == 0 {
		c.Ports = []uint16{80, 443}
	}
	c.MaxRedirects, c.MaxBody = cmp.Or(c.MaxRedirects, 5), cmp.Or(c.MaxBody, 1<<20)
	c.MaxHeader, c.Timeout = cmp.Or(c.MaxHeader, 64<<10), cmp.Or(c.Timeout, 30*time.Second)
	c.MaxConcurrent, c.UserAgent = cmp.Or(c.MaxConcurrent, 32), cmp.Or(c.UserAgent, "Outrider")
	client := &Client{cfg: c, slots: make(chan struct{}, c.MaxConcurrent), public: address.IsPublic}
	client.transport = &http.Transport{
		DialContext:            client.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.Roots},
		TLSHandshakeTimeout:    c.Timeout,
		MaxResponseHeaderBytes: c.MaxHeader,
		MaxIdleConns:           c.MaxConcurrent,
		IdleConnTimeout:        30 * time.Second,
	}
	if c.Proxy != nil {
		client.transport.Proxy = http.ProxyURL(c.Proxy)
	}
	return client
}

// Close closes the idle connections.
func (c *Client) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}

// Get fetches a URL. The error is an *Error.
func (c *Client) Get(ctx context.Context, rawURL string, o Options) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, failed(rawURL, 0, fmt.Errorf("waiting for a free request: %w", context.Cause(ctx)))
	}
	resp, err := c.get(ctx, rawURL, o)
	if err != nil {
		if resp == nil {
			return nil, failed(rawURL, 0, err)
		}
		e := failed(rawURL, resp.Status, err)
		e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), time.Now())
		return nil, e
	}
	return resp, nil
}

// get returns the response as well as the error if the status was wrong.
func (c *Client) get(ctx context.Context, rawURL string, o Options) (*Response, error) {
	if len(rawURL) > maxURL {
		return nil, fmt.Errorf("%w: %d bytes", ErrURL, len(rawURL))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	if err := c.checkURL(req.URL, o); err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if len(o.MediaTypes) > 0 {
		req.Header.Set("Accept", strings.Join(o.MediaTypes, ", "))
	}
	client := http.Client{Transport: c.transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		return c.redirect(next, len(via), o)
	}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err //nolint:wrapcheck // Get names the action
	}
	defer resp.Body.Close() //nolint:errcheck // everything was read that is used
	return c.read(resp, o)
}

// redirect decides on one more hop.
func (c *Client) redirect(next *http.Request, hops int, o Options) error {
	next.Header.Del("Referer") // the server must not learn the previous URL
	switch {
	case o.NoRedirects:
		return fmt.Errorf("%w: none is allowed here", ErrRedirect)
	case hops > c.cfg.MaxRedirects:
		return fmt.Errorf("%w: more than %d", ErrRedirect, c.cfg.MaxRedirects)
	}
	return c.checkURL(next.URL, o)
}

// read reads a response within the options.
func (c *Client) read(resp *http.Response, o Options) (*Response, error) {
	out := &Response{URL: resp.Request.URL.String(), Status: resp.StatusCode, Header: resp.Header}
	if resp.StatusCode/100 != 2 {
		return out, fmt.Errorf("%w: %d", ErrStatus, resp.StatusCode)
	}
	if media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil {
		out.MediaType = media
	}
	if len(o.MediaTypes) > 0 && !slices.Contains(o.MediaTypes, out.MediaType) {
		return out, fmt.Errorf("%w: %q", ErrMediaType, out.MediaType)
	}
	// Only gzip was offered, and the transport has decoded that.
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return out, fmt.Errorf("%w: content encoding %q", ErrMediaType, e)
	}
	limit := c.cfg.MaxBody
	if o.MaxBody > 0 {
		limit = min(limit, o.MaxBody)
	}
	if resp.ContentLength > limit {
		return out, fmt.Errorf("%w: %d bytes announced", ErrTooLarge, resp.ContentLength)
	}
	var err error
	if out.Body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1)); err != nil {
		return out, fmt.Errorf("reading body: %w", err)
	}
	if int64(len(out.Body)) > limit {
		return out, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return out, nil
}

// checkURL refuses URLs that must not be requested from any host.
func (c *Client) checkURL(u *url.URL, o Options) error {
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || o.HTTPSOnly):
		return fmt.Errorf("%w: scheme %q", ErrURL, u.Scheme)
	case u.User != nil:
		return fmt.Errorf("%w: it has credentials", ErrURL)
	case u.Hostname() == "":
		return fmt.Errorf("%w: it has no host", ErrURL)
	}
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	if err := c.checkPort(port); err != nil {
		return err
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		return c.checkAddr(a)
	}
	return nil
}

var _ io.Closer = (*Client)(nil)

// proxied reports whether addr, host:port, is the proxy.
func (c *Client) proxied(addr string) bool {
	if c.cfg.Proxy == nil {
		return false
	}
	port := cmp.Or(c.cfg.Proxy.Port(), map[string]string{"http": "80", "https": "443"}[c.cfg.Proxy.Scheme])
	return addr == net.JoinHostPort(c.cfg.Proxy.Hostname(), port)
}
