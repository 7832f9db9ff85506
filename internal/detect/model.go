package detect

import (
	"math"

	"outrider/internal/verdict"
)

// Model turns sums of log-odds into probabilities and those into a disposition.
type Model struct {
	Version string
	Prior   [verdict.NumClasses]float64 // log-odds of each class in mail that nothing was found in
	// Thresholds on the probability of a class.
	Malicious  float64 // malware or phish above it: MALICIOUS; bec above it: MALICIOUS-BEC
	Suspicious float64 // malware, phish or bec above it: SUSPICIOUS
	Spoof      float64
	Spam       float64
	Bulk       float64
}

// Default returns the model that ships with Outrider.
func Default() Model {
	return Model{
		Version:   "1",
		Prior:     [verdict.NumClasses]float64{verdict.ClassMalware: -7, verdict.ClassPhish: -5, verdict.ClassBEC: -6, verdict.ClassSpoof: -5, verdict.ClassSpam: -4, verdict.ClassBulk: -4},
		Malicious: 0.9, Suspicious: 0.5, Spoof: 0.5, Spam: 0.5, Bulk: 0.5,
	}
}

// Decide fills in Classes, Score and Disposition from the findings of v.
func (m *Model) Decide(v *verdict.Verdict) {
	sums := m.Prior
	for _, f := range v.Findings {
		sums[f.Class] += f.Weight
	}
	clean := 1.0
	for _, c := range verdict.Classes() {
		v.Classes[c] = logistic(sums[c])
		if c != verdict.ClassBulk {
			clean *= 1 - v.Classes[c]
		}
	}
	v.Score = 1 - clean
	v.Disposition = m.disposition(v.Classes)
}

func (m *Model) disposition(p verdict.Probabilities) verdict.Disposition {
	switch {
	case max(p[verdict.ClassMalware], p[verdict.ClassPhish]) >= m.Malicious:
		return verdict.Malicious
	case p[verdict.ClassBEC] >= m.Malicious:
		return verdict.MaliciousBEC
	case max(p[verdict.ClassMalware], p[verdict.ClassPhish], p[verdict.ClassBEC]) >= m.Suspicious:
		return verdict.Suspicious
	case p[verdict.ClassSpoof] >= m.Spoof:
		return verdict.Spoof
	case p[verdict.ClassSpam] >= m.Spam:
		return verdict.Spam
	case p[verdict.ClassBulk] >= m.Bulk:
		return verdict.Bulk
	default:
		return verdict.None
	}
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
