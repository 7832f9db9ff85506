package mailflow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"outrider/internal/address"
	"outrider/internal/message"
	"outrider/internal/smtp"
	"outrider/internal/tenant"
)

// Public texts of the gate. They name the rule and nothing about its configuration.
var (
	errNoRelay      = &smtp.Error{Code: 550, Enhanced: "5.7.1", Text: "Relaying denied"}
	errNetwork      = &smtp.Error{Code: 550, Enhanced: "5.7.1", Text: "Your network may not send to this domain"}
	errNeedTLS      = &smtp.Error{Code: 530, Enhanced: "5.7.0", Text: "Must issue a STARTTLS command first"}
	errPartnerTLS   = &smtp.Error{Code: 550, Enhanced: "5.7.10", Text: "Mail from this domain is accepted over TLS only"}
	errRouted       = &smtp.Error{Code: 553, Enhanced: "5.1.3", Text: "Recipient addresses with a route are not accepted"}
	errNoMailbox    = &smtp.Error{Code: 550, Enhanced: "5.1.1", Text: "No such recipient here"}
	errOtherTenant  = &smtp.Error{Code: 452, Enhanced: "4.5.3", Text: "Send to this recipient in a separate transaction"}
	errUnverifiable = &smtp.Error{Code: 451, Enhanced: "4.4.3", Text: "Recipient cannot be verified at the moment"}
)

// Healthy returns nil when mail can be accepted, and otherwise what senders are told.
func (f *Flow) Healthy(ctx context.Context) error { return f.spool.Healthy(ctx) }

// Sender decides about MAIL.
func (f *Flow) Sender(ctx context.Context, _ message.Peer, _ smtp.Envelope) error {
	return f.spool.Healthy(ctx)
}

// Recipient decides about RCPT: whether the domain is protected, who may send to it
// and how, and whether the mailbox exists. Open relay is impossible, since only
// configured domains pass. env is the envelope so far.
func (f *Flow) Recipient(ctx context.Context, peer message.Peer, env smtp.Envelope, rcpt smtp.Recipient) error {
	s := f.settings.Load()
	addr, err := recipientAddress(s.Directory, rcpt.Address, env.UTF8)
	if err != nil {
		return err
	}
	d := s.Directory.Domain(addr.Domain)
	switch {
	case d == nil:
		return errNoRelay
	case !d.MayConnect(peer.Addr):
		return errNetwork
	case d.RequireTLS && peer.TLSVersion == "":
		return errNeedTLS
	case peer.TLSVersion == "" && demandsTLS(d.Tenant, env.From):
		return errPartnerTLS
	case !sameJudgement(s.Directory, d, env.Recipients):
		return errOtherTenant
	}
	if routed(addr.Local) && !d.RecipientList[strings.ToLower(addr.Local)] {
		return errRouted
	}
	return f.checkRecipient(ctx, d, addr, rcpt)
}

// routed reports whether a local part asks the next hop to send the mail elsewhere, or
// into a file or program: "user%host", "host!user", "user@host" in quotes.
// RFC 5321, Section 2.3.11, leaves the local part to its host; hosts that trust ours
// may still know these forms.
func routed(local string) bool {
	return strings.ContainsAny(strings.Trim(local, `"`), "%!@") || strings.HasPrefix(strings.Trim(local, `"`), "|") || strings.HasPrefix(strings.Trim(local, `"`), "/")
}

// recipientAddress reads a forward-path.
// RFC 5321, Section 4.5.1: "postmaster" without a domain is always accepted.
func recipientAddress(dir *tenant.Directory, path string, utf8 bool) (address.Address, error) {
	if strings.EqualFold(path, "postmaster") && len(dir.Tenants()) > 0 {
		return address.Address{Local: path, Domain: dir.Tenants()[0].Domains[0].Name}, nil
	}
	addr, err := address.ParsePath(path, utf8)
	if err != nil {
		return address.Address{}, &smtp.Error{Code: 553, Enhanced: "5.1.3", Text: "Malformed recipient address", Err: err}
	}
	return addr, nil
}

func domainOfRecipient(dir *tenant.Directory, path string) *tenant.Domain {
	addr, err := recipientAddress(dir, path, true)
	if err != nil {
		return nil
	}
	return dir.Domain(addr.Domain)
}

func demandsTLS(t *tenant.Tenant, from string) bool {
	addr, err := address.ParsePath(from, true)
	return err == nil && t.Partner(addr.Domain).DemandsTLS(addr.Domain)
}

// sameJudgement reports whether one judgement serves all recipients: they belong to
// one tenant, and look back the same way. Others come in a transaction of their own,
// which RFC 5321, Section 4.5.3.1.10 makes every client able to do.
func sameJudgement(dir *tenant.Directory, d *tenant.Domain, before []smtp.Recipient) bool {
	if len(before) == 0 {
		return true
	}
	first := domainOfRecipient(dir, before[0].Address)
	return first == nil || first.Tenant == d.Tenant && first.LookbackHops == d.LookbackHops
}

func (f *Flow) checkRecipient(ctx context.Context, d *tenant.Domain, addr address.Address, rcpt smtp.Recipient) error {
	switch d.Check {
	case tenant.CheckList:
		if local := strings.ToLower(addr.Local); !d.RecipientList[local] && local != "postmaster" {
			return errNoMailbox
		}
	case tenant.CheckAsk:
		return f.checks.ask(ctx, addr.Key(), func(ctx context.Context) (smtp.Reply, error) {
			return f.relay.Verify(ctx, d.Route, "", rcpt)
		})
	case tenant.CheckNone:
	}
	return nil
}

// How long the next hop's word about a recipient counts, and how many are remembered.
const (
	knownFor   = 12 * time.Hour
	unknownFor = 10 * time.Minute // a mailbox may be created any time
	maxChecked = 100_000
	// A database that is busy or damaged delays a recipient no longer than this.
	databasePatience = time.Second
)

// recipientCache remembers what the next hop said about recipients.
type recipientCache struct {
	delivered func(ctx context.Context, recipient string) (bool, error) // or nil

	mu   sync.Mutex
	seen map[string]recipientCheck // by address key; guarded by mu
}

type recipientCheck struct {
	reply smtp.Reply
	until time.Time
}

func newRecipientCache(delivered func(context.Context, string) (bool, error)) *recipientCache {
	return &recipientCache{delivered: delivered, seen: make(map[string]recipientCheck)}
}

// doubt makes every recipient be verified again: the next hop may have changed. Earlier answers still
// count while the next hop does not answer.
func (c *recipientCache) doubt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, check := range c.seen {
		check.until = time.Time{}
		c.seen[key] = check
	}
}

// ask returns the remembered or fresh word about the recipient. When the next hop is
// down, an address passes that was good before, or to which mail was delivered, so that mail
// is spooled and not sent back.
func (c *recipientCache) ask(ctx context.Context, key string, verify func(context.Context) (smtp.Reply, error)) error {
	c.mu.Lock()
	old, known := c.seen[key]
	c.mu.Unlock()
	if known && time.Now().Before(old.until) {
		return old.reply.Err()
	}
	reply, err := verify(ctx)
	if err != nil || reply.Class() == 4 {
		if known && old.reply.Class() == 2 || !known && c.wasDelivered(ctx, key) {
			return nil
		}
		return &smtp.Error{Code: errUnverifiable.Code, Enhanced: errUnverifiable.Enhanced, Text: errUnverifiable.Text,
			Err: errors.Join(err, fmt.Errorf("asking the next hop about %s: %s", key, reply))}
	}
	c.remember(key, reply)
	return reply.Err()
}

// wasDelivered asks what happened before this start. A database that does not answer knows
// nothing, and the sender tries again.
func (c *recipientCache) wasDelivered(ctx context.Context, key string) bool {
	if c.delivered == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, databasePatience)
	defer cancel()
	was, err := c.delivered(ctx, key)
	return err == nil && was
}

func (c *recipientCache) remember(key string, reply smtp.Reply) {
	keep := knownFor
	if reply.Class() != 2 {
		keep = unknownFor
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.seen) >= maxChecked {
		c.makeRoom()
	}
	c.seen[key] = recipientCheck{reply: reply, until: time.Now().Add(keep)}
}

// makeRoom forgets the recipients that do not exist, with whom an attacker fills the memory, and
// the others only where that is not enough.
func (c *recipientCache) makeRoom() {
	maps.DeleteFunc(c.seen, func(_ string, check recipientCheck) bool { return check.reply.Class() != 2 })
	if len(c.seen) >= maxChecked {
		clear(c.seen)
	}
}
