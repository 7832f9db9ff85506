package relay_test

import (
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestAuthoritiesFollowTheirFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRelay(t)
		_, file := certificate(t, "one.example")
		_, other := certificate(t, "two.example")
		first, err := r.Authorities(file)
		if err != nil {
			t.Fatal(err)
		}
		steps := []struct {
			name    string
			change  func() error
			wait    time.Duration
			changed bool
		}{
			{"nothing happens", func() error { return nil }, time.Minute, false},
			{"the file is replaced a moment ago", func() error { return os.Rename(other, file) }, 0, false},
			{"the file was replaced", func() error { return nil }, 10 * time.Second, true},
			{"the file is damaged", func() error { return os.WriteFile(file, []byte("x"), 0o600) }, 10 * time.Second, true},
			{"the file is gone", func() error { return os.Remove(file) }, 10 * time.Second, true},
		}
		for _, s := range steps {
			if err := s.change(); err != nil {
				t.Fatal(err)
			}
			<-time.After(s.wait)
			got, err := r.Authorities(file)
			if err != nil || got.Equal(first) == s.changed {
				t.Errorf("%s: changed %t, %v", s.name, !got.Equal(first), err)
			}
		}
		if _, err := r.Authorities(file + ".none"); err == nil {
			t.Error("a file that never was there was read")
		}
	})
}
