package mailtest_test

import (
	"bytes"
	"testing"

	"outrider/internal/mailtest"
)

// verdict takes what a test reports.
type verdict struct {
	testing.TB

	failed bool
}

func (v *verdict) Errorf(string, ...any) { v.failed = true }

// TestLinearTellsGrowth gives Linear a function whose time grows with its input, and one
// whose time grows with the square of it.
func TestLinearTellsGrowth(t *testing.T) {
	t.Parallel()
	in := bytes.Repeat([]byte("a"), 1<<20)
	for name, tc := range map[string]struct {
		f    func(size int)
		fail bool
	}{
		"in step":     {func(size int) { passes(200, in[:size]) }, false},
		"by a square": {func(size int) { passes(size, in[:size]) }, true},
	} {
		v := &verdict{TB: t}
		if mailtest.Linear(v, 1<<13, tc.f); v.failed != tc.fail {
			t.Errorf("%s: failed %v", name, v.failed)
		}
	}
}

// passes reads all of in n times.
func passes(n int, in []byte) {
	for range n {
		bytes.IndexByte(in, 'b')
	}
}
