package feed_test

import (
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"outrider/internal/evidence/mdm"
	"outrider/internal/mailtest"
	"outrider/internal/rule"
	"outrider/internal/rule/feed"
	"outrider/internal/rule/result"
	"outrider/internal/rule/schema"
)

// lists reads the published lists, with empty ones for the organisation.
func lists(tb testing.TB) rule.Lists {
	tb.Helper()
	f, err := feed.Load("lists", os.DirFS("../../../.data/sublime/sublime-lists"))
	if err != nil {
		tb.Fatal(err)
	}
	return f.Lists
}

func models(tb testing.TB, dir string) []*mdm.Message {
	tb.Helper()
	var out []*mdm.Message
	for _, path := range mailtest.Files(tb, []string{dir}) {
		out = append(out, model(tb, path))
	}
	return out
}

func model(tb testing.TB, path string) *mdm.Message {
	tb.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	in, err := feed.PrepareModel(tb.Context(), path, raw)
	if err != nil {
		tb.Fatal(err)
	}
	return in.Message
}

func detections(tb testing.TB) []*rule.Rule {
	tb.Helper()
	return slices.DeleteFunc(public(tb).Rules, func(r *rule.Rule) bool { return r.Kind != rule.Detection })
}

// stranger is the profile of a sender of whom nothing is known.
func stranger(rule.ProfileKind, string) *result.Profile {
	isNew, no, zero := "new", false, 0
	return &result.Profile{Prevalence: &isNew, Solicited: &no, AnyMessagesBenign: &no, AnyMessagesMaliciousOrSpam: &no, DaysKnown: &zero}
}

// BenchmarkCompileFeed compiles the whole feed, and reports the memory that it takes.
func BenchmarkCompileFeed(b *testing.B) {
	f := public(b)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var e *rule.Engine
	for b.Loop() {
		e = rule.Compile(rule.NewSchema(), f.Rules)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
	runtime.KeepAlive(e)
}

// cpu returns the CPU time of the thread: on a busy machine it is more accurate than wall
// time.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		b.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// BenchmarkJudgeFeed runs the detection rules over every message of dev, whose model is known
// already, with and without each part of the engine.
func BenchmarkJudgeFeed(b *testing.B) {
	rules, known, mails := detections(b), lists(b), models(b, "mail/dev")
	for _, c := range []struct {
		name    string
		options rule.Options
	}{
		{"all", rule.Options{}},
		{"undecided-too", rule.Options{}},
		{"no-words", rule.Options{NoWords: true}},
		{"no-sharing", rule.Options{NoSharing: true}},
		{"no-order", rule.Options{NoOrder: true}},
		{"no-quick", rule.Options{NoQuick: true}},
		{"none", rule.Options{NoWords: true, NoSharing: true, NoOrder: true, NoQuick: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := rule.CompileWith(rule.NewSchema(), rules, c.options)
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var took, spent []time.Duration
			matches := 0
			for _, m := range mails { // expressions are made ready when they are first run
				e.Judge(b.Context(), &rule.Input{Message: m, Lists: known, Profile: stranger, Quick: true}, func(rule.Result) {})
			}
			for b.Loop() {
				for _, m := range mails {
					start, before := time.Now(), cpu(b)
					e.Judge(b.Context(), &rule.Input{Message: m, Lists: known, Profile: stranger, Quick: c.name != "undecided-too", Later: schema.Whois | schema.OCR}, func(r rule.Result) {
						if r.Outcome == rule.Match {
							matches++
						}
						if r.Outcome == rule.Failed && c.name == "all" {
							b.Errorf("%s on %s: %v", r.Rule.Name, m.Meta.ID, r.Err)
						}
					})
					took, spent = append(took, time.Since(start)), append(spent, cpu(b)-before)
				}
			}
			slices.Sort(took)
			slices.Sort(spent)
			b.ReportMetric(float64(spent[len(took)/2].Microseconds()), "p50-cpu-µs")
			b.ReportMetric(float64(spent[len(took)*99/100].Microseconds()), "p99-cpu-µs")
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(float64(took[len(took)-1].Microseconds()), "max-µs")
			b.ReportMetric(float64(matches)/float64(len(took)), "matches/message")
		})
	}
}
