package egress

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

// HTTP returns a client of the standard library, for libraries that make their own
// requests, such as one for git repositories: they may POST, and handle statuses
// themselves. Every connection, hop, header, body and time is bounded as in Get; of the
// options, NoRedirects, HTTPSOnly and MaxBody apply.
func (c *Client) HTTP(o Options) *http.Client {
	return &http.Client{Transport: &guard{c, o}, Timeout: c.cfg.Timeout, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		return c.redirect(next, len(via), o)
	}}
}

// guard checks every request of a library.
type guard struct {
	client  *Client
	options Options
}

// RoundTrip makes one request, if allowed, and bounds its response.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.client.checkURL(r.URL, g.options); err != nil {
		closeBody(r)
		return nil, err
	}
	select {
	case g.client.slots <- struct{}{}:
	case <-r.Context().Done():
		closeBody(r)
		return nil, fmt.Errorf("waiting for a free request: %w", r.Context().Err())
	}
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", g.client.cfg.UserAgent)
	r.Header.Del("Cookie")
	resp, err := g.client.transport.RoundTrip(r)
	if err != nil {
		<-g.client.slots
		return nil, err //nolint:wrapcheck // the standard client names the action
	}
	limit := g.client.cfg.MaxBody
	if g.options.MaxBody > 0 {
		limit = min(limit, g.options.MaxBody)
	}
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: limit, slots: g.client.slots}
	return resp, nil
}

// closeBody closes the request body, as a RoundTripper must even on failure.
func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// boundedBody is a body that fails if it is too large. Closing it frees the slot of the
// request.
type boundedBody struct {
	io.ReadCloser

	left   int64 // bytes
	slots  chan struct{}
	closed bool
}

// Read reads up to the bound.
func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, ErrTooLarge
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("reading body: %w", err)
	}
	return n, err
}

// Close closes the body and frees the slot.
func (b *boundedBody) Close() error {
	if !b.closed {
		b.closed = true
		<-b.slots
	}
	return b.ReadCloser.Close() //nolint:wrapcheck // nothing to add
}
