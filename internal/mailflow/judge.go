package mailflow

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"outrider/internal/address"
	"outrider/internal/attachment"
	"outrider/internal/budget"
	"outrider/internal/dns"
	"outrider/internal/event"
	"outrider/internal/evidence"
	"outrider/internal/history"
	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/policy"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

// Opener says what files that stand beside one another are and what is in them, or that
// they could not be opened.
type Opener func(ctx context.Context, ins []attachment.Input) []*attachment.Report

// Scanner asks a scanner for malware about a file, and returns the name of what it knows.
type Scanner func(ctx context.Context, data []byte) (string, error)

// Judge carries a message through steps 2 to 6. It is safe for concurrent use.
type Judge struct {
	DNS          *dns.Client // or nil: nothing is asked
	Limits       budget.Limits
	History      *history.Memory          // or nil
	TrustedHosts []string                 // whose Authentication-Results are believed for mail that others received
	Sealers      []string                 // whose ARC seals are believed
	Open         Opener                   // or nil: attachments are not opened
	Scan         Scanner                  // or nil: no scanner for malware is asked
	Whois        evidence.Whois           // or nil: who registered a domain is not asked
	Registry     func(domain string) bool // whether a registry can be asked about a domain; nil: about all
	AskDNS       bool                     // authenticate mail that others received by DNS as well

	Later Sources // of re-evaluations
}

// Sources are what re-evaluations use instead of the inline sources. They have the time that
// hostile files take, so they must not share the workers that mail in flight waits for.
type Sources struct {
	Open     Opener         // opens as Judge.Open does; or nil: attachments are not opened
	Deep     Opener         // draws pages as well; or nil: Open is used
	DeepText bool           // Deep reads text in pictures too
	Whois    evidence.Whois // waits for the answer of a registry; or nil: Judge.Whois answers
}

// authShare is the part of the deadline, in per cent, that authentication may take.
const authShare = 60

// Judgement is everything that judging a message gave.
type Judgement struct {
	Message *message.Message // nil once the message was prepared for placing
	// Evidence is all that is known of the message; nil where it was not judged, and once it
	// was prepared for placing.
	Evidence *evidence.Evidence
	Auth     mailauth.Results
	Verdict  verdict.Verdict
	Author   string   // first address of the From field
	Authors  []string // all of them
	Took     time.Duration
	Contact  history.Contact // of the author, before the message came
	Missing  MissingEvidence // what a re-evaluation may add
}

// Proved returns the author of a message that is wanted and whose author was proved,
// and "" otherwise.
func (j *Judgement) Proved() string {
	if j.Verdict.Disposition > verdict.Bulk || j.Verdict.Disposition == verdict.Unknown || len(j.Authors) != 1 {
		return ""
	}
	if addr, err := address.ParsePath(j.Author, true); err != nil || !j.Auth.AlignedPass(addr.Domain) {
		return ""
	}
	return j.Author
}

// pass is what judgements on the way and later ones have not in common.
type pass struct {
	limits  budget.Limits
	open    Opener            // or nil
	draws   bool              // open draws pages
	reads   bool              // open reads text in pictures
	whois   evidence.Whois    // or nil
	auth    *mailauth.Results // what was found before; nil: it is found now
	contact *history.Contact  // what was known before; nil: what is known now
}

// Inline judges a message for d, which may be nil, before the deadline of the budget.
// The judgement always has a Message; on error its verdict is UNKNOWN.
func (g *Judge) Inline(ctx context.Context, s *Settings, r *message.Received, raw []byte, d *tenant.Domain) (Judgement, error) {
	now := pass{limits: g.Limits, open: g.Open, whois: g.Whois}
	if s.Deadline > 0 {
		now.limits.Wall = s.Deadline
	}
	return g.judge(ctx, s, r, raw, d, &now)
}

// judge is Inline for any pass.
func (g *Judge) judge(ctx context.Context, s *Settings, r *message.Received, raw []byte, d *tenant.Domain, now *pass) (j Judgement, err error) {
	start := time.Now()
	b := budget.New(now.limits)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("judging: panic: %v\n%s", p, debug.Stack())
			j.Verdict = verdict.Verdict{Disposition: verdict.Unknown, Degraded: []string{"judge"}}
		}
		if j.Message == nil {
			j.Message = &message.Message{Raw: raw, Root: &message.Part{}}
		}
		j.Took = time.Since(start)
	}()
	j.Message = message.Parse(raw, b) // 2. parse: never fails; defects are facts
	for _, m := range j.Message.Header().Mailboxes("From") {
		j.Authors = append(j.Authors, m.Address())
	}
	if len(j.Authors) > 0 {
		j.Author = j.Authors[0]
	}
	if s.Engine == nil {
		j.Verdict = verdict.Verdict{Disposition: verdict.None}
		j.Auth.Client = mailauth.FindSender(r, j.Message, d).Addr // blocked and trusted networks hold all the same
		return j, nil
	}
	ctx, cancel := context.WithTimeout(ctx, now.limits.Wall)
	defer cancel()
	// 3. authenticate: SPF, DKIM, DMARC for the true sender. A sender whose DNS does not
	// answer uses up this share of the time, and not that of the detectors.
	if now.auth != nil {
		j.Auth = *now.auth
	} else {
		actx, enough := context.WithTimeout(ctx, now.limits.Wall*authShare/100)
		j.Auth = g.authenticate(actx, r, j.Message, d, b)
		enough()
	}
	if j.Contact = g.contact(d, j.Author); now.contact != nil {
		j.Contact = *now.contact
	}
	unanswered := g.watch(now)
	ev := evidence.New(g.facts(ctx, r, &j, d, b, now)) // 4. observe, 5. enrich: on demand, within the budget
	j.Evidence = ev
	j.Verdict = s.Engine.Judge(ctx, ev) // 6. detect: findings, summed and calibrated
	if ev.Unopened() || ev.Uncounted() {
		j.Verdict.Degraded = append(j.Verdict.Degraded, stageFiles)
	}
	if ev.Unscanned() != nil {
		j.Verdict.Degraded = append(j.Verdict.Degraded, stageScanner)
	}
	j.Missing = g.missing(ctx, r, &j, now, unanswered)
	return j, nil
}

// facts gathers what detectors see.
func (g *Judge) facts(ctx context.Context, r *message.Received, j *Judgement, d *tenant.Domain, b *budget.Budget, now *pass) evidence.Facts {
	facts := evidence.Facts{
		Received: r, Message: j.Message, Auth: j.Auth, Domain: d, Tenant: tenantOf(d), Budget: b,
		Contact: j.Contact, Degraded: j.Auth.Degraded(), Whois: now.whois, Deep: now.reads,
	}
	if d != nil {
		facts.People = g.History.View(d.Tenant.ID, r.At)
	}
	if open := now.open; open != nil {
		facts.Open = func(ins []attachment.Input) []*attachment.Report { return open(ctx, ins) }
	}
	if g.Scan != nil {
		facts.Scan = func(data []byte) (string, error) { return g.Scan(ctx, data) }
	}
	return facts
}

// Stages that a verdict names as degraded, beside detectors and budgets.
const (
	stageSPF     = "spf"
	stageDKIM    = "dkim"
	stageDMARC   = "dmarc"
	stageFiles   = "attachments"
	stageScanner = "malware scanner"
)

func tenantOf(d *tenant.Domain) *tenant.Tenant {
	if d == nil {
		return nil
	}
	return d.Tenant
}

func (g *Judge) contact(d *tenant.Domain, author string) history.Contact {
	if d == nil {
		return history.Contact{}
	}
	return g.History.Contact(d.Tenant.ID, author)
}

// verifies reports whether a message is authenticated here, and not by what others wrote.
func (g *Judge) verifies(r *message.Received) bool { return r.Source == message.SourceSMTP || g.AskDNS }

// authenticate checks mail of our own edge, and reads what the receiving host of
// other mail wrote.
func (g *Judge) authenticate(ctx context.Context, r *message.Received, m *message.Message, d *tenant.Domain, b *budget.Budget) mailauth.Results {
	if !g.verifies(r) {
		return mailauth.FromHeader(m, g.TrustedHosts)
	}
	session := dns.Offline()
	if g.DNS != nil {
		session = g.DNS.For(b)
	}
	return mailauth.Verify(ctx, r, m, d, session, b, g.Sealers...)
}

// decide maps the verdict to what happens to each recipient.
func decide(l *inflight) []policy.Decision {
	auth := &l.judged.Auth
	return policy.Decide(l.settings.Directory, l.received.Envelope.Recipients, &l.judged.Verdict, policy.Facts{
		Client: auth.Client, From: l.received.Envelope.From, Authors: l.judged.Authors,
		Verified: auth.AlignedPass, Forged: auth.Disowned(), Now: l.received.At,
	})
}

func receivedFact(l *inflight) event.Event {
	r := l.received
	d := event.ReceivedDetail{
		Source: string(r.Source), From: r.Envelope.From, HeaderFrom: clip(l.judged.Author), Helo: r.Peer.Helo,
		Protocol: r.Peer.Protocol, TLS: r.Peer.TLSVersion, Size: r.Body.Size(),
	}
	if r.Peer.Addr.IsValid() {
		d.Client = r.Peer.Addr.String()
	}
	if m := l.judged.Message; m != nil {
		d.Subject, d.MessageID = clip(m.Subject()), clip(m.Header().Get("Message-ID"))
		if from := m.Header().Mailboxes("From"); len(from) > 0 {
			d.FromName = clip(from[0].Name)
		}
	}
	return event.New(event.Received, l.tenant.ID, string(r.ID), r.At, r.Envelope.Recipients, d)
}

// maxText bounds a text of the message in a fact, in bytes: the message may have a
// megabyte of it, and facts are read in batches.
const maxText = 1000

// clip cuts s to maxText bytes on a border of characters.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "")
}

func judgedFact(l *inflight, decisions []policy.Decision) event.Event {
	d := event.JudgedDetail{Verdict: l.judged.Verdict, Micros: l.judged.Took.Microseconds()}
	d.Auth, _ = json.Marshal(l.judged.Auth)
	d.Decisions, _ = json.Marshal(decisions)
	d.History = asText(l.observation)
	return event.New(event.Judged, l.tenant.ID, string(l.received.ID), time.Now(), l.received.Envelope.Recipients, d)
}
