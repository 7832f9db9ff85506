package dkim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"outrider/internal/budget"
)

// maxListed bounds the listed signatures, including unchecked ones. A check costs a query
// and a public-key operation and counts against the budget; a listing costs memory.
const maxListed = 50

// Verifier verifies signatures.
type Verifier struct {
	Resolver Resolver
	Now      func() time.Time // or nil: time.Now
}

func (v *Verifier) now() time.Time {
	if v.Now == nil {
		return time.Now()
	}
	return v.Now()
}

// job is one signature being checked.
type job struct {
	params Params
	err    *Error
	keys   []string
	key    Key
	size   int64 // canonical bytes of the body
}

// Verify checks the signatures of a message, as many as b allows. DNS queries unanswered
// when ctx ends cause "temperror". raw is not changed.
func (v *Verifier) Verify(ctx context.Context, raw []byte, b *budget.Budget) *Verification {
	m := Open(raw)
	out := &Verification{LocalForm: m.localForm, Junk: m.junk}
	fields := m.All("dkim-signature")
	if len(fields) > maxListed {
		out.Skipped = len(fields) - maxListed
		fields = fields[:maxListed]
	}
	jobs := make([]*job, len(fields))
	for i, f := range fields {
		jobs[i] = v.start(f, b)
	}
	m.checkBodies(jobs)
	v.fetch(ctx, jobs)
	for _, j := range jobs {
		m.finish(j)
		out.Signatures = append(out.Signatures, m.report(j))
	}
	return out
}

// start parses one signature and charges its check to the budget.
func (v *Verifier) start(f Field, b *budget.Budget) *job {
	p, err := ParseParams(f)
	j := &job{params: p}
	if err == nil {
		j.err = j.params.checkDKIM(v.now())
	} else {
		j.err = asError(err)
	}
	if j.err == nil && !b.Spend(budget.Signatures, 1) {
		j.err = failure(TempError, WhyBudget, "no budget left for signatures")
	}
	return j
}

// checkBodies compares the body hashes: one pass over the body for each canonicalization in
// use. RFC 6376, Section 6.1.3 fetches the key first; a changed body fails with any key.
func (m *Message) checkBodies(jobs []*job) {
	for _, c := range []Canon{Simple, Relaxed} {
		var limits []int64
		for _, j := range jobs {
			if j.err == nil && j.params.Body == c {
				limits = append(limits, j.params.Length)
			}
		}
		if limits == nil {
			continue
		}
		sums, size := m.bodySums(c, limits)
		for _, j := range jobs {
			if j.err == nil && j.params.Body == c {
				j.size = size
				j.err = j.params.checkBody(sums)
			}
		}
	}
}

func (p *Params) checkBody(sums map[int64][]byte) *Error {
	sum, ok := sums[p.Length]
	switch {
	case !ok:
		return failure(PermError, WhyTooLong, "l=%d is larger than the body", p.Length)
	case !bytes.Equal(sum, p.BodyHash):
		return failure(Fail, WhyBodyHash, "the body hash does not match")
	}
	return nil
}

// fetch looks up the keys concurrently, once for each name.
func (v *Verifier) fetch(ctx context.Context, jobs []*job) {
	type name struct{ domain, selector string }
	byName := map[name][]*job{}
	for _, j := range jobs {
		if j.err == nil {
			n := name{j.params.Domain, j.params.Selector}
			byName[n] = append(byName[n], j)
		}
	}
	var wg sync.WaitGroup
	for n, js := range byName {
		wg.Go(func() {
			keys, err := lookupKeys(ctx, v.Resolver, n.domain, n.selector)
			for _, j := range js {
				j.keys, j.err = keys, err
			}
		})
	}
	wg.Wait()
}

// finish checks the signature itself.
func (m *Message) finish(j *job) {
	if j.err != nil {
		return
	}
	p := &j.params
	j.key, j.err = match(j.keys, p.Algorithm, m.headerSum(p), p.Value)
	if j.err == nil {
		j.err = m.acceptable(j)
	}
}

// acceptable returns why a verified signature does not count, or nil.
func (m *Message) acceptable(j *job) *Error {
	p := &j.params
	// RFC 6376, Section 3.6.1: with t=s, the domain of i= must equal d=.
	if j.key.Strict && p.agent != "" && p.agent != p.Domain {
		return failure(PermError, WhyIdentity, "i= names the subdomain %s and the key has t=s", p.agent)
	}
	if m.bare {
		return failure(Policy, WhyLineEnds, "the header section has a bare CR or LF")
	}
	if p.Length != whole && p.Length < j.size {
		// RFC 6376, Section 8.2: anyone can replace the text after l=.
		return failure(Policy, WhyLength, "l= leaves %d bytes of the body unsigned", j.size-p.Length)
	}
	return nil
}

// headerSum hashes the signed fields and the signature field with an empty b=.
// RFC 6376, Section 3.7.
func (m *Message) headerSum(p *Params) []byte {
	h := sha256.New()
	var buf []byte
	for _, i := range m.pick(p.Names, p.field.at) {
		buf = p.Header.appendField(buf[:0], m.fields[i].raw)
		h.Write(buf)
	}
	h.Write(p.unsigned())
	return h.Sum(nil)
}

// unsigned returns the canonical signature field with an empty b= and without its CRLF.
func (p *Params) unsigned() []byte {
	raw := p.field.raw
	for _, t := range p.Tags {
		if t.Name == "b" {
			head := p.field.head
			raw = append(bytes.Clone(raw[:head+t.Start]), raw[head+t.End:]...)
		}
	}
	return bytes.TrimSuffix(p.Header.appendField(nil, raw), crlf)
}

func (m *Message) report(j *job) Signature {
	p := &j.params
	s := Signature{
		Result: Pass, Domain: p.Domain, Selector: p.Selector, Algorithm: p.Algorithm, Header: p.Header, Body: p.Body,
		Created: p.Created, Expires: p.Expires, Length: p.Length, Key: j.key,
		Fields: len(m.pick(p.Names, p.field.at)), Coverage: m.coverage(p.Names),
	}
	identity, _ := p.Tags.Get("i")
	s.Identity = quotedPrintable(identity)
	if p.Length != whole && p.Length < j.size {
		s.Unsigned = j.size - p.Length
	}
	if j.err != nil {
		s.Result, s.Why, s.Detail = j.err.Result, j.err.Why, j.err.Error()
	}
	return s
}

func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return failure(PermError, WhySyntax, "%w", err)
}

// CheckParams verifies a parsed signature over m, such as an ARC-Message-Signature. It
// returns the key that verified it and a nil error, or an *Error.
func (v *Verifier) CheckParams(ctx context.Context, m *Message, p *Params) (Key, error) {
	j := &job{params: *p}
	jobs := []*job{j}
	m.checkBodies(jobs)
	v.fetch(ctx, jobs)
	m.finish(j)
	if j.err != nil {
		return j.key, j.err
	}
	return j.key, nil
}

// CheckSeal verifies a seal over fields in order, the last of them the seal itself. The
// error is nil or an *Error.
func (v *Verifier) CheckSeal(ctx context.Context, p *Params, fields []Field) (Key, error) {
	keys, err := lookupKeys(ctx, v.Resolver, p.Domain, p.Selector)
	if err != nil {
		return Key{}, err
	}
	key, err := match(keys, p.Algorithm, p.sealSum(fields), p.Value)
	if err != nil {
		return key, err
	}
	return key, nil
}

func (p *Params) sealSum(fields []Field) []byte {
	h := sha256.New()
	var buf []byte
	for _, f := range fields {
		buf = Relaxed.appendField(buf[:0], f.raw)
		h.Write(buf)
	}
	h.Write(p.unsigned())
	return h.Sum(nil)
}
