package evidence

import (
	"regexp"
	"strings"

	"outrider/internal/attachment"
	"outrider/internal/observable"
)

// Bounds on opening attachments of one message.
const (
	maxOpened    = 20  // files
	maxPasswords = 30  // candidates
	maxPictures  = 6   // pictures looked at for codes
	smallPicture = 200 // bytes; a code needs more
)

// Insides returns what is in each file of Files, in the same order: nil for those that
// were not opened.
func (e *Evidence) Insides() []*attachment.Report { return e.insides() }

func (e *Evidence) readInsides() []*attachment.Report {
	files := e.Files()
	out := make([]*attachment.Report, len(files))
	if e.Open == nil {
		return out
	}
	o := opening{evidence: e, out: out}
	pictures := maxPictures
	for i := range files {
		if files[i].worthOpening(&pictures) {
			o.add(i, &files[i])
		} else {
			o.flush()
		}
	}
	o.flush()
	return out
}

// opening opens the files of one message. Pictures that follow each other are opened
// together: a code may be cut in two.
type opening struct {
	evidence  *Evidence
	out       []*attachment.Report
	passwords []string
	opened    int
	waiting   []attachment.Input // pictures
	at        []int              // where their reports go
}

func (o *opening) add(i int, f *File) {
	if o.opened == maxOpened {
		o.out[i] = attachment.Uncounted(attachment.Input{Name: f.Names[0]})
		return
	}
	if o.opened == 0 {
		o.passwords = o.evidence.Passwords()
	}
	o.opened++
	in := attachment.Input{Name: f.Names[0], ContentType: f.Part.MediaType, Data: f.Part.Decoded(), Passwords: o.passwords}
	if !attachment.IsPicture(f.Format) {
		o.flush()
	}
	o.waiting, o.at = append(o.waiting, in), append(o.at, i)
	if !attachment.IsPicture(f.Format) {
		o.flush()
	}
}

// flush opens what waits.
func (o *opening) flush() {
	if len(o.waiting) == 0 {
		return
	}
	for k, r := range o.evidence.Open(o.waiting) {
		o.out[o.at[k]] = r
	}
	o.waiting, o.at = nil, nil
}

// worthOpening reports whether there can be something in the file. Its bytes decide, since
// what the sender calls it costs nothing; of pictures, so many are looked at.
func (f *File) worthOpening(pictures *int) bool {
	if attachment.IsPicture(f.Format) {
		*pictures--
		return *pictures >= 0 && len(f.Part.Decoded()) >= smallPicture
	}
	return attachment.Opens(f.Format)
}

// named finds what stands behind the word for a password, in the languages of the mail
// that carries locked archives.
var named = regexp.MustCompile(`(?i)(?:pass ?word|passwort|kennwort|passcode|pass ?code|pass|pwd|pw|pin|contraseña|clave|mot de passe|senha|hasło|heslo|jelszó|wachtwoord|lösenord|parola|şifre|пароль|код|密码|密碼|パスワード|비밀번호)` +
	`[\s"'“”«»:=\-–—>]{1,8}(?:is|ist|es|est|è|to|jest|is:|:)?[\s"'“”«»:=]{0,4}([^\s"'“”«»<>]{2,40})`)

// Passwords returns the candidates for the password of an archive: what the text says,
// and what senders of malware use without saying so.
func (e *Evidence) Passwords() []string {
	text := e.Subject() + "\n" + e.Text()
	text = text[:min(len(text), maxText)]
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

// Unopened reports whether an attachment could not be opened in time, or not at all.
func (e *Evidence) Unopened() bool {
	for _, r := range e.Insides() {
		if r != nil && (r.Unfinished() || r.Has(attachment.NoteMany)) {
			return true
		}
	}
	return false
}

// Runs returns the name of a file inside that runs when it is opened, and whether there
// is one. Office documents hold no programs of their own; packages of programs do, and
// are found by their own type.
func Runs(r *attachment.Report) (string, bool) {
	if r == nil {
		return "", false
	}
	for i := range r.Files {
		f := &r.Files[i]
		if f.Parent < 0 {
			continue
		}
		if observable.RunsWhenOpened(f.Extension) || isProgram(f.Format) {
			return f.Name, true
		}
	}
	return "", false
}

// isProgram reports whether files of the format run.
func isProgram(format string) bool {
	switch format {
	case "pe", "exe", "elf", "macho", "lnk", "hta", "msi", "jar":
		return true
	}
	return false
}
