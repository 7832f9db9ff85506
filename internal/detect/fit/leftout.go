package fit

import (
	"fmt"
	"slices"
	"strings"

	"outrider/internal/detect"
	"outrider/internal/verdict"
)

// Reweigh returns the samples as judged with other weights: each finding in factor is
// multiplied by its factor. The findings themselves stay, since no signal depends on
// weights.
func Reweigh(samples []Sample, model detect.Model, factor map[string]float64) []Sample {
	out := slices.Clone(samples)
	for i := range out {
		v := &out[i].Verdict
		v.Findings = slices.Clone(v.Findings)
		for j := range v.Findings {
			if by, ok := factor[v.Findings[j].ID]; ok {
				v.Findings[j].Weight *= by
			}
		}
		model.Decide(v)
	}
	return out
}

// LeftOut writes a line on the source that was excluded from fitting: the flagged shares of
// its unwanted mail, of its wanted mail, and of the wanted mail of the other sources.
func LeftOut(w *strings.Builder, source string, samples []Sample) {
	own := func(wanted bool) func(*Sample) bool {
		return func(s *Sample) bool { return s.Source == source && (s.Label == "ham") == wanted }
	}
	others := func(s *Sample) bool { return s.Source != source && s.Label == "ham" }
	fmt.Fprintf(w, "  without %-26s recall %s SUSPICIOUS+ %5.1f %%  own ham %s  other ham %s\n", source,
		Flagged(samples, verdict.Spam, own(false)), 100*Flagged(samples, verdict.Suspicious, own(false)).Share(),
		Flagged(samples, verdict.Spam, own(true)), Flagged(samples, verdict.Spam, others))
}
