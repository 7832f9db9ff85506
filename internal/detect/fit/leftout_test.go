package fit_test

import (
	"strings"
	"testing"

	"outrider/internal/detect"
	"outrider/internal/detect/fit"
	"outrider/internal/verdict"
)

func TestReweighJudgesAgainAndKeepsTheOriginal(t *testing.T) {
	t.Parallel()
	samples := []fit.Sample{
		{Label: "spam", Source: "a", Verdict: verdict.Verdict{Findings: []verdict.Finding{{ID: "x", Class: verdict.ClassSpam, Weight: 6}, {ID: "y", Weight: 0.1}}}},
		{Label: "ham", Source: "b"},
	}
	if got := fit.Reweigh(samples, detect.Default(), nil); got[0].Verdict.Disposition != verdict.Spam || got[1].Verdict.Disposition != verdict.None {
		t.Errorf("unchanged weights: %s and %s", got[0].Verdict.Disposition, got[1].Verdict.Disposition)
	}
	got := fit.Reweigh(samples, detect.Default(), map[string]float64{"x": 0.25})
	if f := got[0].Verdict.Findings; got[0].Verdict.Disposition != verdict.None || f[0].Weight != 1.5 || f[1].Weight != 0.1 {
		t.Errorf("%s with %v", got[0].Verdict.Disposition, f)
	}
	if samples[0].Verdict.Findings[0].Weight != 6 {
		t.Error("the original changed")
	}
	var b strings.Builder
	fit.LeftOut(&b, "a", samples)
	if !strings.Contains(b.String(), "without a ") || !strings.Contains(b.String(), "recall   0.0 % of    1") {
		t.Errorf("got %q", b.String())
	}
}
