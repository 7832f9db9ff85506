package fit_test

import (
	"math"
	"testing"

	"outrider/internal/detect/fit"
)

func TestLogisticFindsWhatTheRowsSay(t *testing.T) {
	t.Parallel()
	var rows []fit.Row
	add := func(n int, unwanted bool, features map[int]float64) {
		for range n {
			rows = append(rows, fit.Row{Features: features, Unwanted: unwanted, Weight: 1})
		}
	}
	add(5000, false, nil)
	add(5000, true, nil)
	add(1000, false, map[int]float64{0: 1}) // with the feature, odds are 4 to 1
	add(4000, true, map[int]float64{0: 1})
	priors := []fit.Prior{{Mean: 1, Low: 0, High: 9}, {Mean: 2, Low: 0, High: 9}}
	intercept, weights := fit.Logistic(rows, priors, 1)
	if math.Abs(intercept) > 0.02 || math.Abs(weights[0]-math.Log(4)) > 0.02 {
		t.Errorf("intercept %.3f, weight %.3f; want 0 and %.3f", intercept, weights[0], math.Log(4))
	}
	if weights[1] != 2 {
		t.Errorf("a feature that no row has moved to %.3f", weights[1])
	}
}

func TestRateHasWilsonInterval(t *testing.T) {
	t.Parallel()
	low, high := fit.Rate{Hit: 0, Of: 1004}.Interval()
	if low != 0 || math.Abs(high-0.0038) > 0.0002 {
		t.Errorf("0 of 1004: %.4f to %.4f", low, high)
	}
}
