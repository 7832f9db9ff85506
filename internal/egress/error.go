package egress

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Reasons for a failed request; an Error wraps one of them, or a network error.
var (
	ErrURL       = errors.New("url is not allowed")
	ErrAddress   = errors.New("address is not allowed")
	ErrRedirect  = errors.New("redirect is not followed")
	ErrStatus    = errors.New("status is not 2xx")
	ErrMediaType = errors.New("media type is not wanted")
	ErrTooLarge  = errors.New("body is too large")
)

// Error is a request without a usable response.
type Error struct {
	URL    string // as requested
	Status int    // of the answer, or 0
	Err    error
	// RetryAfter is the server's Retry-After; 0 without one.
	RetryAfter time.Duration
}

// maxRetryAfter bounds Retry-After.
const maxRetryAfter = 24 * time.Hour

// retryAfter parses Retry-After, relative to now. RFC 9110, Section 10.2.3: seconds, or a
// date.
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// failed returns err as an *Error.
func failed(url string, status int, err error) *Error {
	if len(url) > maxURL {
		url = url[:maxURL]
	}
	return &Error{URL: url, Status: status, Err: err}
}

// Error returns the request and the cause.
func (e *Error) Error() string { return fmt.Sprintf("fetching %q: %v", e.URL, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether the same request may succeed later.
func (e *Error) Temporary() bool {
	switch e.Status / 100 {
	case 0:
		return !permanent(e.Err)
	case 2:
		return !permanent(e.Err)
	case 5:
		return true
	default:
		return e.Status == http.StatusRequestTimeout || e.Status == http.StatusTooManyRequests
	}
}

// permanent reports whether err recurs until an operator or the server changes something.
func permanent(err error) bool {
	for _, reason := range []error{ErrURL, ErrAddress, ErrRedirect, ErrMediaType, ErrTooLarge} {
		if errors.Is(err, reason) {
			return true
		}
	}
	if d, ok := errors.AsType[*net.DNSError](err); ok {
		return d.IsNotFound
	}
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return untrusted
}
