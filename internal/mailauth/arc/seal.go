package arc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"outrider/internal/mailauth/dkim"
)

// The errors of sealing.
var (
	// ErrClosed means that the chain accepts no further set.
	ErrClosed = errors.New("the arc chain is closed")
	// ErrUnsettled means that a chain of unknown state must not be sealed.
	ErrUnsettled = errors.New("the arc chain could not be validated")
	// ErrResults is the error of results that are not printable text on one line.
	ErrResults = errors.New("malformed authentication results")
)

// Seal returns the three fields of the next set, to be put on top of the message in this
// order, each with its CRLF. chain is the result of Validate for the outgoing message;
// results is the unfolded content of an Authentication-Results field, which begins with our
// authserv-id. s lists the fields of the message signature; its Identity is not used.
func Seal(chain *Chain, s *dkim.Signer, results string, now time.Time) (string, error) {
	cv, n := chain.next()
	switch {
	case chain.Temporary:
		return "", fmt.Errorf("sealing as instance %d: %w", n, ErrUnsettled)
	case cv == "" || n > maxSets:
		return "", fmt.Errorf("sealing as instance %d: %w", n, ErrClosed)
	case strings.ContainsFunc(results, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return "", fmt.Errorf("sealing as instance %d: %w", n, ErrResults)
	}
	tags := []dkim.Tag{{Name: "i", Value: strconv.Itoa(n)}, {Name: "t", Value: strconv.FormatInt(now.Unix(), 10)}}
	aar := "ARC-Authentication-Results: i=" + strconv.Itoa(n) + ";" + fold(results) + "\r\n"
	ams, err := s.SignAs("ARC-Message-Signature", chain.message, tags)
	if err != nil {
		return "", fmt.Errorf("sealing as instance %d: %w", n, err)
	}
	// RFC 8617, Section 5.1.2: a seal with cv=fail covers its own set only.
	var earlier []set
	if cv == string(Pass) {
		earlier = chain.fields
	}
	sets := append(earlier[:len(earlier):len(earlier)], set{results: dkim.NewField(aar), signature: dkim.NewField(ams)})
	as, err := s.Seal("ARC-Seal", sealed(sets), append(tags, dkim.Tag{Name: "cv", Value: cv}))
	if err != nil {
		return "", fmt.Errorf("sealing as instance %d: %w", n, err)
	}
	return as + ams + aar, nil
}

// next returns cv= and i= of the next set; cv is "" if there must be none.
func (c *Chain) next() (cv string, n int) {
	n = c.highest + 1
	switch c.Result {
	case None:
		return string(None), n
	case Pass:
		return string(Pass), n
	case Fail:
	}
	// RFC 8617, Section 5.1: once the newest seal says fail, no set is added.
	if len(c.Sets) > 0 && c.Sets[0].CV == string(Fail) {
		return "", n
	}
	return string(Fail), n
}

// fold breaks results after semicolons.
func fold(results string) string {
	var out strings.Builder
	for i, part := range strings.Split(results, ";") {
		if i > 0 {
			out.WriteString(";\r\n")
		}
		if part = strings.TrimSpace(part); part != "" {
			out.WriteString(" " + part)
		}
	}
	return strings.TrimSuffix(out.String(), "\r\n")
}

// Leaving returns the chain for a message that was changed after Validate, as by a list:
// raw is the outgoing message, with the same ARC fields. It is kept, and not changed.
func (c *Chain) Leaving(raw []byte) *Chain {
	out := *c
	out.message = dkim.Open(raw)
	return &out
}
