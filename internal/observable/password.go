package observable

import (
	"strings"
	"sync"
	"unicode"

	ahocorasick "github.com/petar-dambovaliev/aho-corasick"
)

// Bounds on passwords.
const (
	maxPasswords     = 30        // candidates
	maxPasswordWords = 200       // words for "password" that are examined
	maxPasswordText  = 256 << 10 // bytes that are examined
	longestPassword  = 40        // characters
)

// passwordWords are the words for "password" in the languages of mail with encrypted
// archives. ASCII letters match in either case.
var passwordWords = []string{
	"passwords", "password", "pass words", "pass word", "passwort", "kennwort", "passcode", "pass code", "pass", "pwd", "pw", "pin", "contraseña", "CONTRASEÑA",
	"clave", "mot de passe", "senha", "hasło", "HASŁO", "heslo", "jelszó", "JELSZÓ", "wachtwoord", "lösenord", "LÖSENORD", "adgangskode", "passord", "salasana",
	"parolă", "PAROLĂ", "parola", "şifre", "Şifre", "ŞIFRE", "пароль", "Пароль", "ПАРОЛЬ", "код", "Код", "КОД", "κωδικός", "Κωδικός", "密码", "密碼", "口令",
	"パスワード", "暗証番号", "비밀번호", "암호", "mật khẩu", "Mật khẩu", "รหัสผ่าน", "كلمة المرور", "סיסמה",
}

// passwordFinder finds them in one pass. It is built on first use and never changes.
var passwordFinder = sync.OnceValue(func() ahocorasick.AhoCorasick {
	b := ahocorasick.NewAhoCorasickBuilder(ahocorasick.Opts{AsciiCaseInsensitive: true, MatchKind: ahocorasick.LeftMostLongestMatch})
	return b.Build(passwordWords)
})

// Passwords returns the distinct candidates for an archive password in a text. Text in
// brackets or quotation marks after the word counts, and so does text after a colon, a dash
// or a word such as "is", in any script.
func Passwords(text string) []string {
	text = text[:min(len(text), maxPasswordText)]
	p := passwords{seen: map[string]bool{}}
	finder := passwordFinder()
	it := finder.Iter(text)
	for n := 0; n < maxPasswordWords && len(p.out) < maxPasswords; n++ {
		m := it.Next()
		if m == nil {
			break
		}
		p.after(text[m.End():])
	}
	return p.out
}

type passwords struct {
	out  []string
	seen map[string]bool
}

func (p *passwords) add(s string) {
	if n := len([]rune(s)); n >= 2 && n <= longestPassword && !p.seen[s] && len(p.out) < maxPasswords {
		p.seen[s] = true
		p.out = append(p.out, s)
	}
}

// after parses the text after the word: separators, a verb, separators, the password.
func (p *passwords) after(s string) {
	for _, particle := range passwordParticles {
		if after, ok := strings.CutPrefix(s, particle); ok {
			p.candidate(after)
		}
	}
	rest := strings.TrimLeftFunc(s, isPasswordGap)
	if rest == s {
		return
	}
	p.candidate(s)
	for _, verb := range passwordVerbs {
		if after, ok := cutFold(rest, verb); ok && after != strings.TrimLeftFunc(after, isPasswordGap) {
			p.candidate(after)
		}
	}
}

// maxPasswordGap bounds the bytes of separators between the word and the password.
const maxPasswordGap = 24

// Words between the word and the password. Particles follow without a blank.
var (
	passwordVerbs = []string{
		"is", "are", "ist", "lautet", "es", "est", "è", "é", "to", "jest", "for the archive is", "for the file is", "of the archive is",
		"is:", "ist:", "lautet:", "是", "为", "為",
	}
	passwordParticles = []string{"是", "为", "為", "は", "는", "은"}
)

func cutFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return "", false
}

// candidate takes the password at the start of s, after separators.
func (p *passwords) candidate(s string) {
	gap := s
	s = strings.TrimLeftFunc(s, isPasswordGap)
	if gap = gap[:len(gap)-len(s)]; len(gap) > maxPasswordGap {
		return
	}
	end := strings.IndexFunc(s, isPasswordEnd)
	if end < 0 {
		end = len(s)
	}
	word := s[:end]
	if open := strings.LastIndexFunc(gap, isBracket); open >= 0 {
		// In brackets the password may contain characters that would end it elsewhere.
		if inside, ok := untilClose(gap[open:], s); ok {
			p.add(inside)
		}
	}
	p.add(word)
	p.add(strings.TrimRightFunc(word, func(c rune) bool { return strings.ContainsRune(".,;:!?)]}", c) || endsLink(c) }))
}

// isPasswordGap reports whether c may separate the word from the password.
func isPasswordGap(c rune) bool {
	return unicode.IsSpace(c) || unicode.In(c, unicode.Z, unicode.Pd, unicode.Ps, unicode.Pe, unicode.Pi, unicode.Pf) || IsInvisible(c) ||
		strings.ContainsRune(`"'`+"`"+`:=>*_：＝＞，、，；=`, c)
}

// isPasswordEnd reports whether c ends an unquoted password.
func isPasswordEnd(c rune) bool {
	return unicode.IsSpace(c) || unicode.Is(unicode.Z, c) || strings.ContainsRune(`"'<>`+"`", c) || c > 0xFF && endsLink(c) || c == '«' || c == '»'
}

func isBracket(c rune) bool {
	return unicode.In(c, unicode.Ps, unicode.Pi) || strings.ContainsRune("\"'`", c)
}

// untilClose returns the text of s before the bracket or quotation mark that closes the one
// at the start of gap.
func untilClose(gap, s string) (string, bool) {
	opener := []rune(gap)[0]
	closer := opener
	if i := strings.IndexRune(openers, opener); i >= 0 {
		closer = []rune(closers)[len([]rune(openers[:i]))]
	}
	end := strings.IndexRune(s[:min(len(s), 4*longestPassword)], closer)
	if end <= 0 {
		return "", false
	}
	return s[:end], true
}

const (
	openers = "([{<（［｛「『【《〈〔“‘«‹„"
	closers = ")]}>）］｝」』】》〉〕”’»›“"
)
