package observable_test

import (
	"slices"
	"strings"
	"testing"

	"outrider/internal/observable"
)

func TestSkeletonEquatesLookAlikes(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{"paypal", "pаypal"}, {"paypal", "PayPaI"}, {"paypal", "paypa1"}, {"modern", "rnodern"}, {"amazon", "αmαzοn"},
		{"google", "g00gle"}, {"apple", "аррӏе"}, {"bank", "𝐛𝐚𝐧𝐤"}, {"netflix", "nеtfⅼіх"}, {"cafe", "café"}, {"wells", "vvells"},
	} {
		if a, b := observable.Skeleton(pair[0]), observable.Skeleton(pair[1]); a != b {
			t.Errorf("%q is %q, %q is %q", pair[0], a, pair[1], b)
		}
	}
	for _, pair := range [][2]string{{"paypal", "payday"}, {"bank", "rank"}, {"one", "two"}} {
		if observable.Skeleton(pair[0]) == observable.Skeleton(pair[1]) {
			t.Errorf("%q and %q are one", pair[0], pair[1])
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                              " ",
		"Hello,  WORLD!":                " hello world ",
		"don't can’t":                   " dont cant ",
		"ＰａｙＰａｌ Straße Ünal":            " paypal strasse unal ",
		"pass\u200bword soft\u00adware": " password software ",
		"100% for $5":                   " 100 % for $ 5 ",
		"確認 ok":                         " 確 認 ok ",
	} {
		if got := observable.Words(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestMixesScripts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"pаypal": true, "paypal": false, "привет": false, "привет hello": false, "5 μm": false, "bücher": false, "日本 text": false,
	} {
		if got := observable.MixesScripts(text); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestPhones(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want []string
	}{
		{"call +1 (808) 555-0143 now", []string{"+18085550143"}},
		{"call 1-808-555-0143 or (808) 555 0199.", []string{"18085550143", "8085550199"}},
		{"+49 30 1234567", []string{"+49301234567"}},
		{"on 2026-11-10 12:00, order 8812345678901", nil},
		{"10.11.2026 and 192.168.10.200 and id/808-555-0143", nil},
		{"4111 1111 1111 1111 1111", nil},
	}
	for _, tt := range tests {
		if got := observable.Phones(tt.text); !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestExtension(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a.PDF": "pdf", "a.exe. .": "exe", "a.tar.gz": "gz", "a": "", "dir.d/a": "", "a.": "", ".bashrc": "bashrc",
	} {
		if got := observable.Extension(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func FuzzSkeleton(f *testing.F) {
	for _, s := range []string{"pаypa1", "rn\u0301vv", "\u202eabc", "ﷺ", "\xff\xfe", strings.Repeat("\u0301", 40)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n := len(observable.Skeleton(s)); n > 40*len(s) {
			t.Errorf("%d bytes became %d", len(s), n)
		}
		w := observable.Words(s)
		if !strings.HasPrefix(w, " ") || !strings.HasSuffix(w, " ") || strings.Contains(w, "  ") {
			t.Errorf("words of %q are %q", s, w)
		}
		if again := observable.Words(w); again != w && !strings.ContainsRune(s, 'ß') {
			t.Logf("%q is folded further to %q", w, again)
		}
	})
}
