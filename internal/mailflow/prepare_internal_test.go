package mailflow

import "testing"

func TestAuthservID(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, value, want string }{
		{"a token", "mx.example; spf=pass", "mx.example"},
		{"no results", "mx.example", "mx.example"},
		{"a version", "mx.example 1; spf=pass", "mx.example"},
		{"a comment before", "(hello; you) mx.example; spf=pass", "mx.example"},
		{"nested comments and an escape", `(a (b\) c) d) mx.example (e); spf=pass`, "mx.example"},
		{"a comment behind without space", "mx.example(e); spf=pass", "mx.example"},
		{"a quoted string", `"mx.example"; spf=pass`, "mx.example"},
		{"a quoted string with escapes", `"m\x.example"; spf=pass`, "mx.example"},
		{"nothing", "; spf=pass", ""},
		{"an open comment", "(mx.example; spf=pass", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := authservID(tt.value); got != tt.want {
				t.Errorf("authservID(%q) = %q, want %q", tt.value, got, tt.want)
			}
		})
	}
}
