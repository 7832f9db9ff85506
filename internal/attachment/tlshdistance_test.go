package attachment

import (
	"encoding/hex"
	"strings"
)

// TLSHDistance returns how far two digests are apart, 0 for equal; below 50 files are
// close kin. It is -1 if one is no digest.
func TLSHDistance(a, b string) int {
	x, okX := decodeTLSH(a)
	y, okY := decodeTLSH(b)
	if !okX || !okY {
		return -1
	}
	sum := scaled(ring(swap(x[1]), swap(y[1]), 256), 1)
	sum += scaled(ring(x[2]>>4, y[2]>>4, 16), 0) + scaled(ring(x[2]&15, y[2]&15, 16), 0)
	if x[0] != y[0] {
		sum++
	}
	for i := 3; i < len(x); i++ {
		for s := 0; s < 8; s += 2 {
			d := int(x[i]>>s&3) - int(y[i]>>s&3)
			if d = max(d, -d); d == 3 {
				d = 6 // opposite quartiles count double
			}
			sum += d
		}
	}
	return sum
}

func decodeTLSH(s string) ([]byte, bool) {
	raw, err := hex.DecodeString(strings.TrimPrefix(s, tlshPrefix))
	return raw, err == nil && len(raw) == 3+tlshCode
}

func ring(a, b byte, size int) int {
	d := int(a) - int(b)
	d = max(d, -d)
	return min(d, size-d)
}

// scaled weighs a difference of the header: one step is free of the factor 12. free is the
// value of one step: 1 for lengths, and 0 for ratios means one less.
func scaled(d, free int) int {
	switch {
	case d <= 1:
		return d
	case free == 1:
		return d * 12
	}
	return (d - 1) * 12
}
