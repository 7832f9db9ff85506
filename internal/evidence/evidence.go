// Package evidence holds everything known about one message when it is judged.
//
// Detectors read a message only through its Evidence: the message itself, its envelope, its
// authenticated sender, its observables, and the tenant's history with the people involved.
// Costly facts are computed once, on first use, within the budget of the message.
package evidence

import (
	"context"
	"sync"

	"outrider/internal/attachment"
	"outrider/internal/budget"
	"outrider/internal/evidence/mdm"
	"outrider/internal/history"
	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/observable"
	"outrider/internal/rdap"
	"outrider/internal/tenant"
)

// Facts holds what the mail path establishes before judgement.
type Facts struct {
	Received *message.Received // always non-nil
	Message  *message.Message  // always non-nil
	Auth     mailauth.Results  // Source is SourceNone if not checked
	Tenant   *tenant.Tenant    // or nil: no tenant
	Domain   *tenant.Domain    // of the first recipient, or nil
	Contact  history.Contact   // of the author; not Known offline
	Budget   *budget.Budget    // always non-nil
	Degraded []string          // stages that missed their deadline so far

	// People is the tenant's history with the sender and recipients at the time of receipt,
	// or nil.
	People *history.View
	// Whois looks up the registration of a domain; nil means unknown for every domain.
	Whois Whois

	// Deep reports whether Open also renders the pages of documents and recognises text in
	// pictures.
	Deep bool
	// Open opens files of one container or message and reports their type and contents; a
	// file that could not be opened in time has a report with that note. It may be nil, and
	// runs while the message is judged.
	Open func([]attachment.Input) []*attachment.Report
	// Scan scans a file for malware and returns the name of the match, or "". It may be
	// nil.
	Scan func([]byte) (string, error)
}

// Whois returns the date and registrant of an organizational domain, or nil if they are
// unknown now or at all.
type Whois func(ctx context.Context, domain string) *rdap.Registration

// Evidence is one message under judgement. It is safe for concurrent use. Its results are
// shared; callers must not change them.
type Evidence struct {
	Facts
	derived
}

// derived holds the lazily computed facts.
type derived struct {
	people  func() people
	body    func() body
	files   func() files
	malware func() malware
	texts   func() []*Text
	subject func() string
	model   func() *mdm.Message
}

// New returns the evidence of a message.
func New(f Facts) *Evidence {
	e := &Evidence{Facts: f}
	e.people = sync.OnceValue(e.readPeople)
	e.body = sync.OnceValue(e.readBody)
	e.files = sync.OnceValue(e.readFiles)
	e.malware = sync.OnceValue(e.readMalware)
	e.texts = sync.OnceValue(e.readTexts)
	e.subject = sync.OnceValue(f.Message.Subject)
	e.model = sync.OnceValue(e.readModel)
	return e
}

// Subject returns the decoded subject.
func (e *Evidence) Subject() string { return e.subject() }

// Model returns the message data model: all fields that rules can use.
func (e *Evidence) Model() *mdm.Message { return e.model() }

func (e *Evidence) readModel() *mdm.Message {
	in := mdm.Input{
		Received: e.Received, Message: e.Message, Auth: e.Auth, Budget: e.Budget, Degraded: e.Degraded,
		NewSender: e.Contact.First(), Reading: e.Reading(), Reports: e.Reports(), Texts: e.modelTexts(), Pictures: e.files().drawn,
	}
	if e.Tenant != nil {
		in.Own = e.Tenant.Owns
	}
	return mdm.Read(&in)
}

// Words returns the folded words of the subject and of the new text without quotations, in
// the form of observable.Words.
func (e *Evidence) Words() string { return e.Texts()[0].Words() }

// maxText bounds the kept bytes of the visible text.
const maxText = 2 << 20

// Phrases returns the phrases of the lexicon in Words. All callers share one lexicon, so
// the text is searched once.
func (e *Evidence) Phrases(l *observable.Lexicon) observable.Hits { return e.Texts()[0].Phrases(l) }
