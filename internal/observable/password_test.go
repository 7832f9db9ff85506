package observable_test

import (
	"slices"
	"strings"
	"testing"

	"outrider/internal/observable"
)

func TestPasswords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Password: ab12!":                  "ab12!",
		"the password is ab12.":            "ab12",
		"Das Passwort lautet: Ab-12":       "Ab-12",
		"Password：ab12":                    "ab12",
		"密码：ab12。谢谢":                       "ab12",
		"解压密码是ab12":                        "ab12",
		"パスワード【ab12】":                      "ab12",
		"パスワードは「a b12」です":                  "a b12",
		"password (ab12)":                  "ab12",
		"password [ab12] for it":           "ab12",
		`password "ab 12"`:                 "ab 12",
		"Password:\u00a0ab12":              "ab12",
		"Password\u00a0ab12":               "ab12",
		"Password:\u202f\u2009ab12":        "ab12",
		"Password — ab12":                  "ab12",
		"mot de passe : « ab12 »":          "ab12",
		"Пароль – ab12":                    "ab12",
		"PIN=4711":                         "4711",
		"pass:\nab12":                      "ab12",
		"password for the archive is ab12": "ab12",
		"비밀번호는 ab12":                       "ab12",
		"passwords: one12 and":             "one12",
	} {
		if got := observable.Passwords(text); !slices.Contains(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"", "no word here: ab12", "passwordless", "password" + strings.Repeat(" ", 100) + "ab12", "pin: " + strings.Repeat("a", 41)} {
		if got := observable.Passwords(text); len(got) != 0 {
			t.Errorf("%.40q: got %q", text, got)
		}
	}
	if n := len(observable.Passwords(strings.Repeat("password: a\u00a0b ", 1<<15))); n > 30 {
		t.Errorf("%d candidates", n)
	}
}

func FuzzPasswords(f *testing.F) {
	f.Add("密码：「a b」 password [x] pin=\xff")
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range observable.Passwords(text) {
			if len([]rune(p)) > 40 || p == "" {
				t.Errorf("candidate %q", p)
			}
		}
	})
}
