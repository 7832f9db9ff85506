package picture

import (
	"image"
	"math"
	"slices"
)

// dhash compares each pixel with the next one in 8 rows of 9 pixels.
func dhash(g *image.Gray) uint64 {
	small := resize(g, 9, 8)
	var h uint64
	for y := range 8 {
		for x := range 8 {
			h <<= 1
			if small.Pix[y*9+x] < small.Pix[y*9+x+1] {
				h |= 1
			}
		}
	}
	return h
}

// phash compares the 64 lowest frequencies of 32 by 32 pixels with their median.
func phash(g *image.Gray) uint64 {
	const n, k = 32, 8
	small := resize(g, n, n)
	var rows [n][k]float64
	for y := range n {
		for u := range k {
			for x := range n {
				rows[y][u] += float64(small.Pix[y*n+x]) * wave(x, u, n)
			}
		}
	}
	freq := make([]float64, 0, k*k)
	for v := range k {
		for u := range k {
			sum := 0.0
			for y := range n {
				sum += rows[y][u] * wave(y, v, n)
			}
			freq = append(freq, sum)
		}
	}
	return above(freq)
}

// wave is the cosine of frequency u at x in the type II transform.
func wave(x, u, n int) float64 {
	return math.Cos(math.Pi * float64(u) * (2*float64(x) + 1) / (2 * float64(n)))
}

// above sets the bits of the values above the median.
func above(values []float64) uint64 {
	sorted := slices.Sorted(slices.Values(values))
	median := (sorted[31] + sorted[32]) / 2
	var h uint64
	for _, v := range values {
		h <<= 1
		if v > median {
			h |= 1
		}
	}
	return h
}
