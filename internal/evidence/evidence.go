// Package evidence holds everything known about one message at judgement.
//
// Detectors see a message only through its Evidence: the message itself, its
// envelope, who sent it by proof, what was observed in it, and what the tenant knows
// about the people involved. What is costly is computed when it is first asked for,
// once, within the budget of the message.
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

// Facts are what the mail path knows before judgement.
type Facts struct {
	Received *message.Received // always non-nil
	Message  *message.Message  // always non-nil
	Auth     mailauth.Results  // Source is SourceNone if not checked
	Tenant   *tenant.Tenant    // or nil: judged for no tenant
	Domain   *tenant.Domain    // of the first recipient, or nil
	Contact  history.Contact   // of the author; not Known offline
	Budget   *budget.Budget    // always non-nil
	Degraded []string          // stages that missed their deadline so far

	// People is what the tenant knew of senders and recipients when the message came, or nil.
	People *history.View
	// Whois says who registered a domain; nil: unknown for every domain.
	Whois Whois

	// Deep says that whoever opens files draws the pages of documents and reads text in
	// pictures as well.
	Deep bool
	// Open says what files that stand beside one another are and what is in them; one that
	// could not be opened in time has a report that says so. It may be nil, and is called
	// while the message is judged.
	Open func([]attachment.Input) []*attachment.Report
	// Scan asks a scanner for malware about a file, and returns the name of what it knows, or
	// "". It may be nil.
	Scan func([]byte) (string, error)
}

// Whois says when and by whom an organizational domain was registered. It returns nil where
// that is not known yet, or cannot be known.
type Whois func(ctx context.Context, domain string) *rdap.Registration

// Evidence is one message under judgement. It is safe for concurrent use, and every
// answer is shared: callers do not change it.
type Evidence struct {
	Facts
	derived
}

// derived is what is computed on demand.
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

// Model returns the message data model: all that rules may ask.
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

// Words returns the folded words of the subject and of the text that the author wrote
// now, quotations left out, as observable.Words makes them.
func (e *Evidence) Words() string { return e.Texts()[0].Words() }

// maxText bounds the bytes of the shown text that are kept.
const maxText = 2 << 20

// Phrases returns the phrases of the lexicon that stand in Words. All callers share
// one lexicon, so that the text is read once.
func (e *Evidence) Phrases(l *observable.Lexicon) observable.Hits { return e.Texts()[0].Phrases(l) }
