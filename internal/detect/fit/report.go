package fit

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"strings"

	"outrider/internal/verdict"
)

// Rate is a share of samples.
type Rate struct{ Hit, Of int }

// Share returns the rate, or 0 without samples.
func (r Rate) Share() float64 {
	if r.Of == 0 {
		return 0
	}
	return float64(r.Hit) / float64(r.Of)
}

// Interval returns the 95 % confidence interval of the rate (Wilson).
func (r Rate) Interval() (low, high float64) {
	if r.Of == 0 {
		return 0, 1
	}
	const z = 1.96
	n, p := float64(r.Of), r.Share()
	center, spread := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, (center-spread)/(1+z*z/n)), min(1, (center+spread)/(1+z*z/n))
}

// String formats the rate for tables.
func (r Rate) String() string {
	low, high := r.Interval()
	return fmt.Sprintf("%5.1f %% of %4d [%5.1f, %5.1f]", 100*r.Share(), r.Of, 100*low, 100*high)
}

// Flagged returns how many of the samples selected by keep are judged d or worse.
func Flagged(samples []Sample, d verdict.Disposition, keep func(*Sample) bool) Rate {
	var r Rate
	for i := range samples {
		if !keep(&samples[i]) {
			continue
		}
		r.Of++
		if samples[i].Verdict.Disposition >= d {
			r.Hit++
		}
	}
	return r
}

// AUC returns the probability that an unwanted sample scores above a wanted one.
func AUC(samples []Sample, keep func(*Sample) bool) float64 {
	var list []*Sample
	for i := range samples {
		if keep(&samples[i]) {
			list = append(list, &samples[i])
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Verdict.Score < list[j].Verdict.Score })
	bad, good, rank := 0, 0, 0.0
	for i := 0; i < len(list); {
		j := i
		for j < len(list) && list[j].Verdict.Score == list[i].Verdict.Score {
			j++
		}
		mid := float64(i+j+1) / 2 // ties share their rank
		for ; i < j; i++ {
			if list[i].Label == "ham" {
				good++
			} else {
				bad++
				rank += mid
			}
		}
	}
	if bad == 0 || good == 0 {
		return math.NaN()
	}
	return (rank - float64(bad)*float64(bad+1)/2) / (float64(bad) * float64(good))
}

// Table writes recall and false positives: all, English only, and by source.
func Table(w *strings.Builder, title string, samples []Sample) {
	w.WriteString(title + "\n")
	rows(w, "all", samples, func(*Sample) bool { return true })
	rows(w, "english", samples, func(s *Sample) bool { return s.Lang == "en" })
	sources := make(map[string]bool)
	for i := range samples {
		sources[samples[i].Source+samples[i].Group] = true
	}
	for _, src := range slices.Sorted(maps.Keys(sources)) {
		rows(w, src, samples, func(s *Sample) bool { return s.Source+s.Group == src })
	}
}

func rows(w *strings.Builder, name string, samples []Sample, keep func(*Sample) bool) {
	for _, label := range []string{"ham", "phish", "fraud", "spam"} {
		of := func(s *Sample) bool { return s.Label == label && keep(s) }
		spam := Flagged(samples, verdict.Spam, of)
		if spam.Of == 0 {
			continue
		}
		suspicious, held := Flagged(samples, verdict.Suspicious, of), Flagged(samples, verdict.MaliciousBEC, of)
		fmt.Fprintf(w, "  %-24s %-6s SPAM+ %s  SUSPICIOUS+ %5.1f %%  MALICIOUS %5.1f %%\n", name, label, spam, 100*suspicious.Share(), 100*held.Share())
	}
	if auc := AUC(samples, keep); !math.IsNaN(auc) {
		fmt.Fprintf(w, "  %-24s AUC %.3f\n", name, auc)
	}
}

// Counts writes how often each signal fires, by label.
func Counts(w *strings.Builder, samples []Sample) {
	labels := []string{"ham", "phish", "fraud", "spam"}
	count, total := make(map[string]map[string]int), make(map[string]int)
	for i := range samples {
		s := &samples[i]
		total[s.Label]++
		for _, f := range s.Verdict.Findings {
			if count[f.ID] == nil {
				count[f.ID] = make(map[string]int)
			}
			count[f.ID][s.Label]++
		}
	}
	for _, id := range slices.Sorted(maps.Keys(count)) {
		var b strings.Builder
		for _, l := range labels {
			fmt.Fprintf(&b, " %s %5.1f", l, 100*float64(count[id][l])/float64(max(total[l], 1)))
		}
		fmt.Fprintf(w, "  %-24s%s\n", id, b.String())
	}
}
