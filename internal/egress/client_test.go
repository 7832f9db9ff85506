package egress_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"outrider/internal/egress"
)

func TestALibrarysRequestsAreGuardedToo(t *testing.T) {
	t.Parallel()
	s := newSite(t, false)
	cfg := s.config(t)
	cfg.MaxConcurrent = 1 // so that a body that is not given back is noticed
	c := client(t, cfg)
	for name, tc := range map[string]struct {
		url     string
		options egress.Options
		want    error
	}{
		"an answer":               {"http://web.example:%s/ok", egress.Options{}, nil},
		"a redirect":              {"http://web.example:%s/cookie", egress.Options{}, nil},
		"a private address":       {"http://inside.example:%s/ok", egress.Options{}, egress.ErrAddress},
		"a redirect to there":     {"http://web.example:%s/inside", egress.Options{}, egress.ErrAddress},
		"a redirect to a number":  {"http://web.example:%s/literal", egress.Options{}, egress.ErrAddress},
		"a redirect to a file":    {"http://web.example:%s/file", egress.Options{}, egress.ErrURL},
		"a redirect for ever":     {"http://web.example:%s/loop", egress.Options{}, egress.ErrRedirect},
		"no redirects":            {"http://web.example:%s/cookie", egress.Options{NoRedirects: true}, egress.ErrRedirect},
		"clear text":              {"http://web.example:%s/ok", egress.Options{HTTPSOnly: true}, egress.ErrURL},
		"a body without end":      {"http://web.example:%s/endless", egress.Options{}, egress.ErrTooLarge},
		"a body that is as large": {"http://web.example:%s/exact", egress.Options{MaxBody: 1 << 10}, nil},
		"a body that is larger":   {"http://web.example:%s/large", egress.Options{MaxBody: 1 << 10}, egress.ErrTooLarge},
	} {
		err := fetch(t, c.HTTP(tc.options), http.MethodGet, fmt.Sprintf(tc.url, s.port))
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if s.inner.Load() != 0 {
		t.Error("a request went inside")
	}
	if err := fetch(t, c.HTTP(egress.Options{}), http.MethodPost, "http://web.example:"+s.port+"/ok"); err != nil {
		t.Error(err)
	}
	if h := s.seen.Load().Header; h.Get("User-Agent") != "Outrider" || h.Get("Cookie") != "" {
		t.Errorf("sent %v", h)
	}
}

// fetch makes a request and reads all of the answer.
func fetch(t *testing.T, c *http.Client, method, url string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", "id=1")
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}
