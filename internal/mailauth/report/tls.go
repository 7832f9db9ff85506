package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// TLS is an SMTP TLS report. Strings come from the reporter.
type TLS struct {
	Org      string      `json:"organization-name"`
	Range    DateRange   `json:"date-range"`
	Contact  string      `json:"contact-info"`
	ID       string      `json:"report-id"`
	Policies []TLSPolicy `json:"policies"`
}

// DateRange is the time span of a report.
type DateRange struct {
	Start time.Time `json:"start-datetime"`
	End   time.Time `json:"end-datetime"`
}

// UnmarshalJSON implements json.Unmarshaler. RFC 8460, Section 4.3.1 requires times of RFC
// 3339; a large receiver omits the zone, which is treated as UTC.
func (r *DateRange) UnmarshalJSON(b []byte) error {
	var raw struct {
		Start string `json:"start-datetime"`
		End   string `json:"end-datetime"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return fmt.Errorf("reading date range: %w", err)
	}
	var err1, err2 error
	r.Start, err1 = stamp(raw.Start)
	r.End, err2 = stamp(raw.End)
	return errors.Join(err1, err2)
}

func stamp(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05", s)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("reading date: %w", err)
	}
	return t.UTC(), nil
}

// TLSPolicy is one policy and its results.
type TLSPolicy struct {
	Policy struct {
		Type   string    `json:"policy-type"` // "tlsa", "sts" or "no-policy-found"
		Text   []string  `json:"policy-string"`
		Domain string    `json:"policy-domain"`
		MX     oneOrMany `json:"mx-host"`
	} `json:"policy"`
	Summary struct {
		Successes int64 `json:"total-successful-session-count"`
		Failures  int64 `json:"total-failure-session-count"`
	} `json:"summary"`
	Details []TLSFailure `json:"failure-details"`
}

// TLSFailure counts sessions that failed in one way.
type TLSFailure struct {
	Type        string `json:"result-type"`
	SendingIP   string `json:"sending-mta-ip"`
	ReceivingMX string `json:"receiving-mx-hostname"`
	Helo        string `json:"receiving-mx-helo"`
	ReceivingIP string `json:"receiving-ip"`
	Sessions    int64  `json:"failed-session-count"`
	Info        string `json:"additional-information"`
	Code        string `json:"failure-reason-code"`
}

// oneOrMany is a string or a list of strings. RFC 8460, Section 4.4 shows a string for
// mx-host and its schema a list; both are in use.
type oneOrMany []string

// UnmarshalJSON implements json.Unmarshaler.
func (o *oneOrMany) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte(`"`)) {
		var s string
		err := json.Unmarshal(b, &s)
		*o = oneOrMany{s}
		return err
	}
	return json.Unmarshal(b, (*[]string)(o))
}

// ParseTLS parses a TLS report, plain or compressed. The error wraps ErrSyntax or
// ErrTooLarge.
func ParseTLS(data []byte, l Limits) (*TLS, error) {
	text, err := unpack(data, l)
	if err != nil {
		return nil, err
	}
	var out TLS
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("reading tls report: %w: %w", ErrSyntax, err)
	}
	if out.ID == "" && out.Org == "" {
		return nil, fmt.Errorf("reading tls report: %w: neither a name nor an id", ErrSyntax)
	}
	n := len(out.Policies)
	for i := range out.Policies {
		n += len(out.Policies[i].Details)
	}
	if n > l.records() {
		return nil, fmt.Errorf("reading tls report: %w: %d entries", ErrTooLarge, n)
	}
	return &out, nil
}
