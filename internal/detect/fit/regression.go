package fit

import "math"

// Row is one message in the regression: the strength of each feature.
type Row struct {
	Features map[int]float64
	Unwanted bool
	Weight   float64 // weight of the row
}

// Prior is the assumed distribution of one weight before fitting.
type Prior struct {
	Mean, Low, High float64
}

// Logistic fits a logistic regression: an intercept, and a weight per prior that an L2
// penalty of the given strength keeps near its mean and within its bounds. It is
// deterministic.
func Logistic(rows []Row, priors []Prior, strength float64) (intercept float64, weights []float64) {
	weights = make([]float64, len(priors))
	for i, p := range priors {
		weights[i] = p.Mean
	}
	// Coordinate-wise Newton steps: the problem is convex, and each step is bounded.
	const rounds = 60
	sums := make([]float64, len(rows))
	for i, r := range rows {
		for f := range priors { // in order, so that sums round identically
			sums[i] += weights[f] * r.Features[f]
		}
	}
	index := make([][]int, len(priors))
	for i, r := range rows {
		for f := range r.Features {
			index[f] = append(index[f], i)
		}
	}
	for range rounds {
		intercept += stepIntercept(rows, sums, intercept)
		for f, p := range priors {
			stepWeight(rows, index[f], sums, intercept, f, p, strength, weights)
		}
	}
	return intercept, weights
}

func stepIntercept(rows []Row, sums []float64, intercept float64) float64 {
	g, h := 0.0, 1e-9
	for i, r := range rows {
		p := 1 / (1 + math.Exp(-(sums[i] + intercept)))
		g += r.Weight * (p - truth(r))
		h += r.Weight * p * (1 - p)
	}
	return bound(-g/h, -1, 1)
}

func stepWeight(rows []Row, index []int, sums []float64, intercept float64, f int, p Prior, strength float64, weights []float64) {
	g, h := strength*(weights[f]-p.Mean), strength
	for _, i := range index {
		r, x := rows[i], rows[i].Features[f]
		q := 1 / (1 + math.Exp(-(sums[i] + intercept)))
		g += r.Weight * x * (q - truth(r))
		h += r.Weight * x * x * q * (1 - q)
	}
	next := bound(weights[f]+bound(-g/h, -1, 1), p.Low, p.High)
	for _, i := range index {
		sums[i] += (next - weights[f]) * rows[i].Features[f]
	}
	weights[f] = next
}

func truth(r Row) float64 {
	if r.Unwanted {
		return 1
	}
	return 0
}

func bound(x, low, high float64) float64 { return min(max(x, low), high) }
