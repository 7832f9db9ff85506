package relay

import (
	"context"
	"errors"
	"maps"
	"slices"

	"outrider/internal/smtp"
	"outrider/internal/tenant"
)

// Verify asks the hosts of the route whether they accept mail from the reverse-path from to
// rcpt, without sending any. An error means that no host could be reached.
func (r *Relay) Verify(ctx context.Context, route tenant.Route, from string, rcpt smtp.Recipient) (smtp.Reply, error) {
	if !safePath(from) || rcpt.Address == "" || !safePath(rcpt.Address) {
		return replyBadRcpt, nil
	}
	if route.Transport == tenant.TransportMaildir {
		return smtp.Reply{Code: 250, Enhanced: "2.1.5", Text: "Maildir takes all recipients"}, nil
	}
	if len(route.Hosts) == 0 && route.Domain == "" {
		route.Domain = domainOf(rcpt.Address)
	}
	targets, err := r.targets(ctx, route)
	for _, t := range targets {
		var reply smtp.Reply
		if reply, err = r.verifyAt(ctx, route, t, from, rcpt); err == nil {
			return reply, nil
		}
		r.log.Info("next hop failed", "host", t.name, "addr", t.addr, "error", err)
		r.health.bad(t.addr)
	}
	return smtp.Reply{}, err
}

// verifyAt queries one host, again on a fresh connection if a pooled one was dead.
func (r *Relay) verifyAt(ctx context.Context, route tenant.Route, t target, from string, rcpt smtp.Recipient) (smtp.Reply, error) {
	var reply smtp.Reply
	var err error
	for _, fresh := range []bool{false, true} {
		var s *session
		if s, err = r.connect(ctx, route, t, false, fresh); err != nil {
			return reply, err
		}
		reply, err = s.verify(from, rcpt)
		r.release(s, err)
		if err == nil || s.messages == 1 || expired(ctx) {
			break
		}
	}
	return reply, err
}

func (s *session) verify(from string, rcpt smtp.Recipient) (smtp.Reply, error) {
	params := ""
	if !isASCII(from) || !isASCII(rcpt.Address) {
		if !s.has("SMTPUTF8") {
			return replyNoUTF8, nil
		}
		params = " SMTPUTF8"
	}
	reply, err := s.cmd("MAIL FROM:<" + from + ">" + params)
	if err == nil && reply.Class() == 2 {
		reply, err = s.cmd("RCPT TO:<" + rcpt.Address + ">")
	}
	if err != nil {
		return reply, err
	}
	rset, err := s.cmd("RSET")
	if err == nil && rset.Class() != 2 {
		err = refused(rset)
	}
	return reply, err
}

// Probe holds the capabilities of a next hop.
type Probe struct {
	Host       string   // name of the host that replied
	Addr       string   // its address
	Greeting   string   // text of its greeting
	Extensions []string // EHLO keywords with their parameters, sorted; after TLS if available
	Size       int64    // largest message, or 0 for no limit
	TLS        string   // version and cipher suite, or ""
	TLSError   string   // why offered TLS does not work, or ""
	Verified   bool     // the certificate is valid for the host
	VerifyErr  string   // why not, or ""
}

// Probe connects to the first reachable host of the route, and returns its capabilities.
// The certificate is verified independent of the route.
func (r *Relay) Probe(ctx context.Context, route tenant.Route) (Probe, error) {
	targets, err := r.targets(ctx, route)
	for _, t := range targets {
		var p Probe
		if p, err = r.probeAt(ctx, route, t); err == nil {
			return p, nil
		}
	}
	return Probe{}, err
}

func (r *Relay) probeAt(ctx context.Context, route tenant.Route, t target) (Probe, error) {
	p := Probe{Host: t.name, Addr: t.addr}
	s, err := r.open(ctx, route, t, tenant.TLSVerified)
	if err != nil {
		p.VerifyErr = err.Error()
		t.demand = nil
		s, err = r.open(ctx, route, t, tenant.TLSOpportunistic)
		if h, ok := errors.AsType[*handshakeError](err); ok {
			p.TLSError = h.Error()
			s, err = r.open(ctx, route, t, tenant.TLSNone)
		}
	}
	if err != nil {
		return p, err
	}
	defer s.quit()
	p.Greeting, p.TLS, p.Verified, p.Size = s.greeting, s.tls, s.verified != "", s.maxSize()
	for _, name := range slices.Sorted(maps.Keys(s.ext)) {
		ext := name
		if params := s.ext[name]; params != "" {
			ext += " " + params
		}
		p.Extensions = append(p.Extensions, ext)
	}
	return p, nil
}
