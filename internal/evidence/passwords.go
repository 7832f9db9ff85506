package evidence

import (
	"regexp"
	"strings"
)

// maxPasswords bounds the candidates of one message.
const (
	maxPasswords    = 30
	maxPasswordText = 128 << 10 // bytes of text that are searched
)

// named finds what stands behind the word for a password, in the languages of the mail
// that carries locked archives.
var named = regexp.MustCompile(`(?i)(?:pass ?word|passwort|kennwort|passcode|pass ?code|pass|pwd|pw|pin|contraseña|clave|mot de passe|senha|hasło|heslo|jelszó|wachtwoord|lösenord|parola|şifre|пароль|код|密码|密碼|パスワード|비밀번호)` +
	`[\s"'“”«»:=\-–—>]{1,8}(?:is|ist|es|est|è|to|jest|is:|:)?[\s"'“”«»:=]{0,4}([^\s"'“”«»<>]{2,40})`)

// passwordsIn returns what may be a password in a text, the words that senders use most first.
func passwordsIn(text string) []string {
	text = ends(text, maxPasswordText)
	var out []string
	seen := make(map[string]bool)
	add := func(s string) {
		if s != "" && !seen[s] && len(out) < maxPasswords {
			seen[s] = true
			out = append(out, s)
		}
	}
	for _, s := range []string{"infected", "password", "1234", "123456", "12345"} {
		add(s)
	}
	for _, m := range named.FindAllStringSubmatch(text, maxPasswords) {
		add(m[1])
		add(strings.TrimRight(m[1], ".,;:!?)"))
	}
	return out
}
