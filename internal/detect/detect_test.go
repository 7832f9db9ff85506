package detect_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outrider/internal/budget"
	"outrider/internal/detect"
	"outrider/internal/evidence"
	"outrider/internal/history"
	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/verdict"
)

// fixed is a detector that always finds the same.
type fixed []verdict.Finding

func (f fixed) Name() string { return "fixed/1" }

func (f fixed) Detect(context.Context, *evidence.Evidence) ([]verdict.Finding, []verdict.Undecided) {
	return f, nil
}

// broken is a detector with a defect.
type broken struct{}

func (broken) Name() string { return "broken/1" }

func (broken) Detect(context.Context, *evidence.Evidence) ([]verdict.Finding, []verdict.Undecided) {
	panic("defect")
}

// slow is a detector that the deadline cuts off.
type slow struct{ fixed }

func (slow) Name() string { return "slow/1" }

func (s slow) Detect(ctx context.Context, _ *evidence.Evidence) ([]verdict.Finding, []verdict.Undecided) {
	<-ctx.Done()
	return s.fixed, nil
}

func facts(known int, auth mailauth.Results) *evidence.Evidence {
	raw := []byte("From: Ann <ann@firm.example>\r\nSubject: Hello\r\n\r\nHello.\r\n")
	b := budget.New(budget.Default())
	return evidence.New(evidence.Facts{
		Message: message.Parse(raw, b), Budget: b, Auth: auth, Received: &message.Received{Body: message.NewBody(raw)},
		Contact: history.Contact{Known: true, Address: history.Sender{Messages: known, Days: known}},
	})
}

func proved() mailauth.Results {
	return mailauth.Results{
		Source: mailauth.SourceEdge, DKIM: []mailauth.DKIM{{Result: mailauth.Pass, Domain: "firm.example"}},
		DMARC: mailauth.DMARC{Result: mailauth.Pass, Domain: "firm.example", Policy: "reject", Aligned: "dkim"},
	}
}

func finding(c verdict.Class, w float64, p verdict.Portion) verdict.Finding {
	return verdict.Finding{ID: "f-" + c.String(), Class: c, Weight: w, Portion: p}
}

func TestContentAloneNeverHoldsMailOfProvedAndKnownSenders(t *testing.T) {
	t.Parallel()
	content := finding(verdict.ClassPhish, 20, verdict.PortionBody)
	subject := finding(verdict.ClassBEC, 20, verdict.PortionHeader)
	subject.Field = "Subject"
	file := finding(verdict.ClassMalware, 20, verdict.PortionAttachment)
	link := finding(verdict.ClassPhish, 20, verdict.PortionLink)
	tests := []struct {
		name  string
		found fixed
		known int
		auth  mailauth.Results
		want  verdict.Disposition
	}{
		{"content, proved and known", fixed{content}, 3, proved(), verdict.Suspicious},
		{"a subject, proved and known", fixed{subject}, 3, proved(), verdict.Suspicious},
		{"content, proved and primed by two messages", fixed{content}, 2, proved(), verdict.Malicious},
		{"content, proved and new", fixed{content}, 0, proved(), verdict.Malicious},
		{"content, known and not proved", fixed{content}, 3, mailauth.Results{}, verdict.Malicious},
		{"a file, proved and known", fixed{content, file}, 3, proved(), verdict.Malicious},
		{"a link, proved and known", fixed{content, link}, 3, proved(), verdict.Malicious},
		{"a weak link beside content", fixed{content, finding(verdict.ClassPhish, 1, verdict.PortionLink)}, 3, proved(), verdict.Suspicious},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if v := detect.New(detect.Default(), tt.found).Judge(t.Context(), facts(tt.known, tt.auth)); v.Disposition != tt.want {
				t.Errorf("got %s, want %s", v.Disposition, tt.want)
			}
		})
	}
}

func TestDispositionFollowsTheFindings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		found fixed
		want  verdict.Disposition
	}{
		{"nothing", nil, verdict.None},
		{"malware", fixed{finding(verdict.ClassMalware, 10, verdict.PortionAttachment)}, verdict.Malicious},
		{"fraud", fixed{finding(verdict.ClassBEC, 9, verdict.PortionHeader)}, verdict.MaliciousBEC},
		{"some phishing", fixed{finding(verdict.ClassPhish, 6, verdict.PortionBody)}, verdict.Suspicious},
		{"a forged sender", fixed{finding(verdict.ClassSpoof, 6, verdict.PortionHeader)}, verdict.Spoof},
		{"a forged sender that phishes", fixed{finding(verdict.ClassSpoof, 6, verdict.PortionHeader), finding(verdict.ClassPhish, 5, verdict.PortionBody)}, verdict.Malicious},
		{"a little of everything", fixed{
			finding(verdict.ClassPhish, 1.5, verdict.PortionBody), finding(verdict.ClassSpam, 1.5, verdict.PortionBody), finding(verdict.ClassBEC, 1, verdict.PortionBody),
		}, verdict.Spam},
		{"spam with something that speaks for it", fixed{finding(verdict.ClassSpam, 4, verdict.PortionBody), finding(verdict.ClassPhish, -2, verdict.PortionHeader)}, verdict.None},
		{"a newsletter", fixed{finding(verdict.ClassBulk, 5, verdict.PortionHeader)}, verdict.Bulk},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := detect.New(detect.Default(), tt.found).Judge(t.Context(), facts(0, mailauth.Results{}))
			if v.Disposition != tt.want {
				t.Errorf("got %s, want %s (%v, %.3f)", v.Disposition, tt.want, v.Classes.Map(), v.Score)
			}
		})
	}
}

func TestJudgeNamesBrokenDetectorsAndGoesOn(t *testing.T) {
	t.Parallel()
	e := detect.New(detect.Default(), broken{}, fixed{finding(verdict.ClassMalware, 10, verdict.PortionAttachment)})
	v := e.Judge(t.Context(), facts(0, mailauth.Results{}))
	if v.Disposition != verdict.Malicious || !cmp.Equal(v.Degraded, []string{"broken/1"}) {
		t.Errorf("got %s, degraded %v", v.Disposition, v.Degraded)
	}
}

func TestJudgeNamesDetectorsThatMissedTheDeadline(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v := detect.New(detect.Default(), fixed{finding(verdict.ClassMalware, 10, verdict.PortionAttachment)}).Judge(ctx, facts(0, mailauth.Results{}))
	if len(v.Findings) != 0 || !cmp.Equal(v.Degraded, []string{"fixed/1"}) {
		t.Errorf("findings %v, degraded %v", v.Findings, v.Degraded)
	}
}

func TestJudgeNamesDetectorsThatTheDeadlineCutOff(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	v := detect.New(detect.Default(), slow{fixed{finding(verdict.ClassMalware, 10, verdict.PortionAttachment)}}, fixed{}).Judge(ctx, facts(0, mailauth.Results{}))
	if v.Disposition != verdict.Malicious || !cmp.Equal(v.Degraded, []string{"fixed/1", "slow/1"}) {
		t.Errorf("got %s, degraded %v", v.Disposition, v.Degraded)
	}
}
