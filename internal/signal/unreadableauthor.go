package signal

import (
	"strings"

	"outrider/internal/evidence"
	"outrider/internal/message"
	"outrider/internal/verdict"
)

// unreadableAuthor finds a From field that clients interpret in different ways, or that has
// no address with a domain to check: some clients still show its text. Comments, folds and
// quoted local parts are unambiguous by the standard and pass; so do lists and reports,
// where old programs omit the address. RFC 5322, Section 3.6.2: From holds one mailbox or
// several.
func unreadableAuthor() Signal {
	return Signal{
		ID: "unreadable-author", Name: "Sender without a readable address", Class: verdict.ClassSpoof, Weight: 6, Since: "0.3",
		Why: "The sender is written in a way that programs read differently, or not at all: %s.",
		Find: func(e *evidence.Evidence) []Match {
			h := e.Message.Header()
			written := h.Text("From")
			if strings.TrimSpace(written) == "" || e.IsReport() || throughList(e) {
				return nil
			}
			times := 0.0
			if len(e.AuthorDomains()) == 0 {
				times = 1
			}
			for _, a := range e.Authors() {
				times = max(times, ambiguity(a.Defect))
			}
			if times == 0 || e.AuthorProved() {
				return nil
			}
			if isDaemon(e) {
				times *= daemonShare
			}
			return one(Match{Portion: verdict.PortionHeader, Field: "From", Value: written, Args: []any{written}, Times: times})
		},
	}
}

// daemonShare weighs sender names that old mail systems write.
const daemonShare = 0.3

// isDaemon reports whether a message is a report from before reports had a format: it has a
// null reverse-path, and a typical author name of a mail system.
func isDaemon(e *evidence.Evidence) bool {
	local := strings.ToLower(e.Author().Local)
	return e.NullSender() && (strings.HasPrefix(local, "mailer-daemon") || local == "postmaster" || local == "mail daemon")
}

// ambiguity returns how well a defect of an address can show another author than the
// checked one. Careless programs encode or quote whole addresses.
func ambiguity(d message.AddressDefect) float64 {
	switch d {
	case message.AddressSeveralAt, message.AddressSeveralWords, message.AddressTooLong, message.AddressUnreadable:
		return 1
	case message.AddressEncoded, message.AddressQuoted:
		return 0.4
	case message.AddressRoute:
	}
	return 0
}
