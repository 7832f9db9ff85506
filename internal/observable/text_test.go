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
		{"0331 5550122, 0800-5550143", []string{"03315550122", "08005550143"}},
		{"0012 345678, 33 15550122, 2026 1234567, 03311 55501223", []string{"0331155501223"}},
		{"at eight zero eight, five five five, zero one four three within 24 hours", []string{"8085550143"}},
		{"one eight hundred, double five five, oh one four three, call", []string{"18005550143"}},
		{"808 five five five zero one 43", []string{"8085550143"}},
		{"acht null acht, fünf fünf fünf, null eins vier drei", []string{"8085550143"}},
		{"two or three of four, five or six, seven of nine", nil},
		{"one two three four five", nil},
		{"on 2026-11-10 12:00, order 8812345678901", nil},
		{"10.11.2026 and 192.168.10.200 and id/808-555-0143", nil},
		{"4111 1111 1111 1111 1111", nil},
		{"808–555–0143, 808‑555‑0144, 808−555—0145", []string{"8085550143", "8085550144", "8085550145"}},
		{"８０８－５５５－０１４３ and ＋１（８０８）５５５－０１４３", []string{"8085550143", "+18085550143"}},
		{"①⑧⓪⑧ ⑤⑤⑤ ⓪①④③ or ❽⓿❽-❺❺❺-⓿❶❹❸", []string{"18085550143", "8085550143"}},
		{"٨٠٨-٥٥٥-٠١٤٣", []string{"8085550143"}},
		{"8O8-555-O143 or 8o8-555-0l43", []string{"8085550143", "8085550143"}},
		{"8 0 8 5 5 5 0 1 4 3 and 8-0-8-5-5-5-0-1-4-3", []string{"8085550143", "8085550143"}},
		{"[808] 555 [0143]", []string{"8085550143"}},
		{"808\u200b-555\u00ad-0143 and 808\u00a0555\u202f0143", []string{"8085550143", "8085550143"}},
		{"+1 808 555 0143 +49 30 1234567", []string{"+18085550143", "+49301234567"}},
		{"1 2 3 4 5 6 7 8 9 0 and 0 0 0 0 1 0 0 0 0 0 1", nil},
		{"Ill also hold on, see OIL-101 to lO", nil},
		{"8\u200b0\u200b8\u200b5\u200b5\u200b5\u200b0\u200b1\u200b4\u200b3 or ①⑧⓪⑧⑤⑤⑤⓪①④③", []string{"8085550143", "18085550143"}},
		{"8\ufe0f\u20e30\ufe0f\u20e38\ufe0f\u20e3 5\ufe0f\u20e35\ufe0f\u20e35\ufe0f\u20e3 0\ufe0f\u20e31\ufe0f\u20e34\ufe0f\u20e33\ufe0f\u20e3", []string{"8085550143"}},
		{"808_555_0143, 808~555~0143, 808*555*0144, {808} 555-0145", []string{"8085550143", "8085550143", "8085550144", "8085550145"}},
		{"808/555/0143 and 030/5550 0143", []string{"8085550143", "03055500143"}},
		{"+1 (8О8) 555-О143 and +1 808\n555 0144", []string{"+18085550143", "+18085550144"}},
		{"12/10/2026, 3/4, snake_case_10_20_300, +49 30 5550143\n12 chairs", []string{"+49305550143"}},
		{"808--555--0143, 808 | 555 | 0144 and 808=555=0145", []string{"8085550143", "8085550144", "8085550145"}},
		{"808,555,0143 or 808→555→0144 or 808'555'0145", []string{"8085550143", "8085550144", "8085550145"}},
		{"eight zero eight, five five five, zero one four three", []string{"8085550143"}},
		{"Acht-null-acht fünf fünf, then one double five triple zero 1", nil},
		{"one eight zero eight triple five oh one four three.", []string{"18085550143"}},
		{"1-808-555-HELP, 888-555-PAYS or 1 (800) CALL-NOW", []string{"18085554357", "8885557297", "18002255669"}},
		{"order 808-555-ABCD, model 1-800-ab, 100, 200, 3000 or 100;200,3000", nil},
		{"one two three four five six, and one two many", nil},
		{"room 8O8, gate 5, on 12–10–2026 at 5O1", nil},
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

func TestDialedNumber(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"tel:+1-808-555-0143": "+18085550143", "tel:18085550143": "18085550143", "TEL:(808)%20555-0143;ext=5": "8085550143", "callto://8085550143": "8085550143",
		"sms:+18085550143?body=hi": "+18085550143", "tel:911": "", "https://a.test/8085550143": "", "tel:": "",
	} {
		u, _ := observable.ParseURL(raw)
		if got, ok := observable.DialedNumber(&u); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v", raw, got, ok)
		}
	}
}

func TestWordsInOtherLetters(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ᴠᴇʀɪғʏ ʏᴏᴜʀ ᴀᴄᴄᴏᴜɴᴛ": " verify your account ",
		"ꓦꓰꓣꓲꓝꓬ":              " verify ",
		"ʌǝrify 🅿🅰🆂🆂":         " verify pass ",
		"⒱⒠⒭⒤⒡⒴ (a) ⑴":        " verify a 1 ",
		"pаsswоrd ассount":    " password account ", // Cyrillic letters among Latin ones
		"пароль счёт":         " пароль счет ",
	} {
		if got := observable.Words(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestSmuggledRuns(t *testing.T) {
	t.Parallel()
	tags := func(s string) string {
		return strings.Map(func(c rune) rune { return c + 0xE0000 }, s)
	}
	selectors := func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			b.WriteRune(rune(c) - 16 + 0xE0100)
		}
		return b.String()
	}
	for text, want := range map[string]string{
		"Hello" + tags("read this"):                      "tags read this",
		"Hello😀" + selectors("read this"):                "variation-selectors read this",
		"🏴" + tags("gbeng") + "\U000e007f score":         "",
		"🏴" + tags("gbeng and then more") + "\U000e007f": "tags gbeng and then more",
		"🏴" + tags("gbeng"):                              "tags gbeng",
		"❤️ 👨‍👩‍👧 ☎️":                                    "",
		"plain":                                          "",
		"a" + tags("b") + "c" + tags("d"):                "",
		tags("ab") + "x" + selectors("cdef"):             "tags ab variation-selectors cdef",
	} {
		var got []string
		for _, s := range observable.SmuggledRuns(text) {
			got = append(got, string(s.Kind), s.Text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%+q: got %q", text, got)
		}
	}
}
