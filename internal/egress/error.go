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

// Reasons for which a request fails; an Error wraps one of them, or that of the network.
var (
	ErrURL       = errors.New("url is not allowed")
	ErrAddress   = errors.New("address is not allowed")
	ErrRedirect  = errors.New("redirect is not followed")
	ErrStatus    = errors.New("status is not 2xx")
	ErrMediaType = errors.New("media type is not wanted")
	ErrTooLarge  = errors.New("body is too large")
)

// Error is a request that brought no usable answer.
type Error struct {
	URL    string // as asked for
	Status int    // of the answer, or 0
	Err    error
	// RetryAfter is how long the server asks to be left alone; 0 where it does not.
	RetryAfter time.Duration
}

// maxRetryAfter bounds how long a server may ask to be left alone.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads how long a server asks to be left alone from now on.
// RFC 9110, Section 10.2.3: seconds, or a date.
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

// Error names the request and the cause.
func (e *Error) Error() string { return fmt.Sprintf("fetching %q: %v", e.URL, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether the same request may succeed in a while.
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

// permanent reports whether err would occur again until an operator or the server changes something.
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
