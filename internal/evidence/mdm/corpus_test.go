package mdm_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"outrider/internal/budget"
	"outrider/internal/evidence/mdm"
	"outrider/internal/mailauth"
	"outrider/internal/mailtest"
	"outrider/internal/message"
)

func corpus(tb testing.TB, name string) [][]byte {
	tb.Helper()
	var mails [][]byte
	for _, path := range mailtest.Files(tb, []string{name}) {
		raw, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		mails = append(mails, raw)
	}
	return mails
}

func understand(raw []byte) *mdm.Message {
	b := budget.New(budget.Default())
	m := message.Parse(raw, b)
	return mdm.Read(&mdm.Input{
		Received: &message.Received{ID: "id", Source: message.SourceFile, Body: message.NewBody(raw)},
		Message:  m, Budget: b, Auth: mailauth.FromHeader(m, nil),
	})
}

// Every real message has a model, with content if the message has any.
func TestRealMail(t *testing.T) {
	t.Parallel()
	empty := 0
	for _, raw := range corpus(t, "mail/dev") {
		m := understand(raw)
		if m.Body.CurrentThread.Text == "" && len(m.Body.PreviousThreads) == 0 && len(m.Attachments) == 0 && len(m.Body.Links) == 0 {
			empty++
		}
		if len(m.Headers.Hops) == 0 || m.Headers.Hops[0].Index != 0 {
			t.Errorf("%s has no hop", m.External.MessageID)
		}
	}
	if empty > 5 {
		t.Errorf("%d messages say nothing at all", empty)
	}
}

// BenchmarkUnderstand parses and reads the model of every message of dev, and reports the
// median and the 99th percentile of one message.
func BenchmarkUnderstand(b *testing.B) {
	mails := corpus(b, "mail/dev")
	var took []time.Duration
	for b.Loop() {
		for _, raw := range mails {
			start := time.Now()
			understand(raw)
			took = append(took, time.Since(start))
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(took[len(took)-1].Microseconds()), "max-µs")
}
