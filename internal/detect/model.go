package detect

import (
	"cmp"
	"math"
	"slices"

	"outrider/internal/verdict"
)

// Model turns sums of log-odds into probabilities and those into a disposition.
//
// A finding counts for its class. A negative weight counts against every class but bulk,
// since it concerns the sender and not the content. Half of the evidence of a forged sender
// counts for phishing and for fraud, the purposes of forgery. Evidence of any class but
// bulk is evidence that the message is unwanted: Score.
type Model struct {
	Version  string
	Prior    [verdict.NumClasses]float64 // log-odds of each class in mail without findings
	Unwanted float64                     // log-odds that such mail is unwanted
	Support  float64                     // share of spoof evidence that counts for phish and bec
	// Thresholds on the probability of a class, and for Spam also on Score.
	Malicious  float64 // malware or phish above it: MALICIOUS; bec above it: MALICIOUS-BEC
	Suspicious float64 // malware, phish or bec above it: SUSPICIOUS
	Spoof      float64
	Spam       float64
	Bulk       float64
}

// Default returns the model that ships with Outrider.
func Default() Model {
	return Model{
		Version: "1",
		Prior: [verdict.NumClasses]float64{
			verdict.ClassMalware: -6, verdict.ClassPhish: -5.5, verdict.ClassBEC: -6, verdict.ClassSpoof: -5, verdict.ClassSpam: -4, verdict.ClassBulk: -4,
		},
		Unwanted: -3, Support: 0.5,
		Malicious: 0.9, Suspicious: 0.5, Spoof: 0.5, Spam: 0.5, Bulk: 0.5,
	}
}

// Decide sets Classes, Score and Disposition from the findings of v.
func (m *Model) Decide(v *verdict.Verdict) {
	sums, unwanted := m.sums(v.Findings)
	for _, c := range verdict.Classes() {
		v.Classes[c] = logistic(sums[c])
	}
	v.Score = logistic(unwanted)
	met := m.met(v.Classes, v.Score)
	for _, f := range v.Findings {
		if f.Least != verdict.None {
			met = append(met, f.Least)
		}
	}
	slices.SortFunc(met, func(a, b verdict.Disposition) int { return cmp.Compare(b, a) })
	met = slices.Compact(met)
	if v.Disposition, v.Also = verdict.None, nil; len(met) > 0 {
		v.Disposition, v.Also = met[0], met[1:]
	}
}

// sums adds up the findings by class, and in total.
func (m *Model) sums(findings []verdict.Finding) (sums [verdict.NumClasses]float64, unwanted float64) {
	sums, unwanted = m.Prior, m.Unwanted
	against, spoof := 0.0, 0.0
	for _, f := range findings {
		switch {
		case f.Class >= verdict.NumClasses:
			continue
		case f.Weight < 0:
			against += f.Weight
		default:
			sums[f.Class] += f.Weight
		}
		if f.Class == verdict.ClassSpoof && f.Weight > 0 {
			spoof += f.Weight
		}
		if f.Class != verdict.ClassBulk {
			unwanted += f.Weight
		}
	}
	for _, c := range verdict.Classes() {
		if c != verdict.ClassBulk {
			sums[c] += against
		}
	}
	sums[verdict.ClassPhish] += m.Support * spoof
	sums[verdict.ClassBEC] += m.Support * spoof
	return sums, unwanted
}

// met returns the dispositions whose thresholds are met. All count: the policy takes the
// strictest action, so that more evidence never leads to a milder one.
func (m *Model) met(p verdict.Probabilities, score float64) []verdict.Disposition {
	harm := max(p[verdict.ClassMalware], p[verdict.ClassPhish])
	var out []verdict.Disposition
	for _, t := range []struct {
		met  bool
		name verdict.Disposition
	}{
		{harm >= m.Malicious, verdict.Malicious},
		{p[verdict.ClassBEC] >= m.Malicious, verdict.MaliciousBEC},
		{p[verdict.ClassSpoof] >= m.Spoof, verdict.Spoof},
		{max(harm, p[verdict.ClassBEC]) >= m.Suspicious, verdict.Suspicious},
		{max(p[verdict.ClassSpam], score) >= m.Spam, verdict.Spam},
		{p[verdict.ClassBulk] >= m.Bulk, verdict.Bulk},
	} {
		if t.met {
			out = append(out, t.name)
		}
	}
	return out
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
