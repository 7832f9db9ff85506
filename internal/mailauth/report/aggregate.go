package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Bounds inside one report.
const (
	maxDepth  = 12   // levels of elements; the schema has six
	maxText   = 1024 // bytes kept per value
	maxErrors = 50   // kept error lines of the receiver
	maxAuth   = 100  // results of one record; RFC 9990 requires at most 100 signatures
)

// Aggregate is a DMARC aggregate report. Strings come from the reporter.
type Aggregate struct {
	Version   string    `json:"version"`
	Org       string    `json:"org"`
	Email     string    `json:"email"`
	ID        string    `json:"id"`
	Begin     time.Time `json:"begin"`
	End       time.Time `json:"end"`
	Errors    []string  `json:"errors,omitempty"`
	Generator string    `json:"generator,omitempty"`

	Policy  PublishedPolicy `json:"policy"`
	Records []Record        `json:"records"`
	Defects []string        `json:"defects,omitempty"` // unreadable values, each kind once
}

// PublishedPolicy is the policy as the reporter found it.
type PublishedPolicy struct {
	Domain      string `json:"domain"`
	P           string `json:"p"`
	SP          string `json:"sp"`
	NP          string `json:"np"`
	ADKIM       string `json:"adkim"`
	ASPF        string `json:"aspf"`
	Percent     string `json:"pct,omitempty"` // RFC 7489 only
	Testing     string `json:"testing,omitempty"`
	Discovery   string `json:"discovery,omitempty"` // "treewalk" or "psl"
	FailureMode string `json:"fo,omitempty"`
}

// Record is a number of messages with one source and outcome.
type Record struct {
	Source       netip.Addr   `json:"source"` // invalid if unreadable
	Count        int64        `json:"count"`
	Disposition  string       `json:"disposition"`
	DKIM         string       `json:"dkim"` // aligned outcome
	SPF          string       `json:"spf"`  // aligned outcome
	Reasons      []Reason     `json:"reasons,omitempty"`
	HeaderFrom   string       `json:"header_from"`
	EnvelopeFrom string       `json:"envelope_from"`
	EnvelopeTo   string       `json:"envelope_to,omitempty"`
	Results      []AuthResult `json:"results"`
}

// Reason is why the disposition differs from the policy.
type Reason struct {
	Type    string `json:"type"`
	Comment string `json:"comment,omitempty"`
}

// AuthResult is one result of DKIM or SPF before alignment.
type AuthResult struct {
	Method   string `json:"method"` // "dkim" or "spf"
	Domain   string `json:"domain"`
	Selector string `json:"selector,omitempty"`
	Scope    string `json:"scope,omitempty"`
	Result   string `json:"result"`
	Human    string `json:"human,omitempty"`
}

// ParseAggregate parses an aggregate report, plain or compressed. The error wraps ErrSyntax
// or ErrTooLarge.
func ParseAggregate(data []byte, l Limits) (*Aggregate, error) {
	text, err := unpack(data, l)
	if err != nil {
		return nil, err
	}
	p := &aggregateParser{limits: l, out: &Aggregate{}, defects: map[string]bool{}}
	dec := xml.NewDecoder(bytes.NewReader(text))
	dec.CharsetReader = charset
	for {
		tok, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading aggregate report: %w: %w", ErrSyntax, err)
		}
		if err := p.token(tok); err != nil {
			return nil, fmt.Errorf("reading aggregate report: %w", err)
		}
	}
	if !p.feedback || len(p.path) > 0 {
		return nil, fmt.Errorf("reading aggregate report: %w: no complete feedback element", ErrSyntax)
	}
	return p.out, nil
}

// charset accepts encodings that are subsets of UTF-8.
func charset(label string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "utf-8", "utf8", "us-ascii", "ascii":
		return in, nil
	case "iso-8859-1", "windows-1252", "latin1":
		// Reports contain domains and addresses; other characters than ASCII occur only in
		// comments.
		b, err := io.ReadAll(in)
		return strings.NewReader(strings.ToValidUTF8(string(b), "?")), err
	default:
		return nil, fmt.Errorf("%w: encoding %.40q", ErrSyntax, label)
	}
}

// aggregateParser parses the tokens in one pass, so that unknown and nested elements cost
// nothing.
type aggregateParser struct {
	limits   Limits
	out      *Aggregate
	path     []string // names of the open elements
	text     strings.Builder
	defects  map[string]bool
	feedback bool
	full     bool // the open reason or result is beyond the bound
}

func (p *aggregateParser) token(tok xml.Token) error {
	switch t := tok.(type) {
	case xml.Directive:
		// A document type can define entities, and reports need none.
		return fmt.Errorf("%w: a document type", ErrSyntax)
	case xml.StartElement:
		return p.start(strings.ToLower(t.Name.Local))
	case xml.EndElement:
		return p.end(strings.ToLower(t.Name.Local))
	case xml.CharData:
		p.text.Write(t[:min(len(t), max(0, maxText-p.text.Len()))])
	}
	return nil
}

func (p *aggregateParser) start(name string) error {
	if len(p.path) == maxDepth {
		return fmt.Errorf("%w: more than %d levels", ErrSyntax, maxDepth)
	}
	if len(p.path) == 0 {
		if p.feedback || name != "feedback" {
			return fmt.Errorf("%w: the root is %.40q", ErrSyntax, name)
		}
		p.feedback = true
	}
	p.path = append(p.path, name)
	p.text.Reset()
	return p.open()
}

// open creates the value that an element begins.
func (p *aggregateParser) open() error {
	switch strings.Join(p.path, "/") {
	case "feedback/record":
		if len(p.out.Records) == p.limits.records() {
			return fmt.Errorf("%w: more than %d records", ErrTooLarge, p.limits.records())
		}
		p.out.Records = append(p.out.Records, Record{})
	case "feedback/record/auth_results/dkim", "feedback/record/auth_results/spf":
		r := p.record()
		if p.full = len(r.Results) == maxAuth; !p.full {
			r.Results = append(r.Results, AuthResult{Method: p.path[3]})
		}
	case "feedback/record/row/policy_evaluated/reason":
		r := p.record()
		if p.full = len(r.Reasons) == maxAuth; !p.full {
			r.Reasons = append(r.Reasons, Reason{})
		}
	}
	return nil
}

func (p *aggregateParser) record() *Record { return &p.out.Records[len(p.out.Records)-1] }

func (p *aggregateParser) end(name string) error {
	if len(p.path) == 0 || p.path[len(p.path)-1] != name {
		return fmt.Errorf("%w: %.40q closes an element that is not open", ErrSyntax, name)
	}
	value := strings.TrimSpace(p.text.String())
	p.text.Reset()
	if path := strings.Join(p.path, "/"); value != "" {
		p.value(path, value)
	}
	p.path = p.path[:len(p.path)-1]
	return nil
}

// value stores the text of an element.
func (p *aggregateParser) value(path, value string) {
	if rest, ok := strings.CutPrefix(path, "feedback/record/"); ok {
		p.recordValue(rest, value)
		return
	}
	if rest, ok := strings.CutPrefix(path, "feedback/policy_published/"); ok {
		p.policyValue(rest, value)
		return
	}
	a := p.out
	switch path {
	case "feedback/version":
		a.Version = value
	case "feedback/report_metadata/org_name":
		a.Org = value
	case "feedback/report_metadata/email":
		a.Email = value
	case "feedback/report_metadata/report_id":
		a.ID = value
	case "feedback/report_metadata/generator":
		a.Generator = value
	case "feedback/report_metadata/date_range/begin":
		a.Begin = p.seconds("begin", value)
	case "feedback/report_metadata/date_range/end":
		a.End = p.seconds("end", value)
	case "feedback/report_metadata/error":
		if len(a.Errors) < maxErrors {
			a.Errors = append(a.Errors, value)
		}
	}
}

func (p *aggregateParser) policyValue(name, value string) {
	o := &p.out.Policy
	for n, to := range map[string]*string{
		"domain": &o.Domain, "p": &o.P, "sp": &o.SP, "np": &o.NP, "adkim": &o.ADKIM, "aspf": &o.ASPF, "pct": &o.Percent,
		"testing": &o.Testing, "discovery_method": &o.Discovery, "fo": &o.FailureMode,
	} {
		if n == name {
			*to = value
		}
	}
}

func (p *aggregateParser) recordValue(path, value string) {
	r := p.record()
	switch path {
	case "row/source_ip":
		addr, err := netip.ParseAddr(value)
		if err != nil {
			p.defect("source_ip")
		}
		r.Source = addr.Unmap()
	case "row/count":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 {
			p.defect("count")
			n = 0
		}
		r.Count = n
	case "row/policy_evaluated/disposition":
		r.Disposition = value
	case "row/policy_evaluated/dkim":
		r.DKIM = value
	case "row/policy_evaluated/spf":
		r.SPF = value
	case "identifiers/header_from":
		r.HeaderFrom = value
	case "identifiers/envelope_from":
		r.EnvelopeFrom = value
	case "identifiers/envelope_to":
		r.EnvelopeTo = value
	default:
		if !p.full {
			r.listValue(path, value)
		}
	}
}

// listValue stores a value of the last reason or result.
func (r *Record) listValue(path, value string) {
	if name, ok := strings.CutPrefix(path, "row/policy_evaluated/reason/"); ok {
		last := &r.Reasons[len(r.Reasons)-1]
		switch name {
		case "type":
			last.Type = value
		case "comment":
			last.Comment = value
		}
		return
	}
	rest, ok := strings.CutPrefix(path, "auth_results/")
	_, name, _ := strings.Cut(rest, "/")
	if !ok || len(r.Results) == 0 {
		return
	}
	last := &r.Results[len(r.Results)-1]
	switch name {
	case "domain":
		last.Domain = value
	case "selector":
		last.Selector = value
	case "scope":
		last.Scope = value
	case "result":
		last.Result = value
	case "human_result":
		last.Human = value
	}
}

func (p *aggregateParser) seconds(name, value string) time.Time {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		p.defect(name)
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

func (p *aggregateParser) defect(name string) {
	if !p.defects[name] {
		p.defects[name] = true
		p.out.Defects = append(p.out.Defects, name)
	}
}
