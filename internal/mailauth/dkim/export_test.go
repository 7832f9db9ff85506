package dkim

import "crypto/sha256"

// Canonical returns the canonical fields of a message in their order.
func Canonical(raw []byte, c Canon) string {
	var out []byte
	for _, f := range Open(raw).fields {
		out = c.appendField(out, f.raw)
	}
	return string(out)
}

// BodySum returns the sum and the length of the canonical body.
func BodySum(raw []byte, c Canon) ([]byte, int64) {
	sums, n := Open(raw).bodySums(c, nil)
	return sums[whole], n
}

// Sum is the hash that signatures use.
func Sum(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
