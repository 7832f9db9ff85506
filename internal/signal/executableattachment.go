package signal

import (
	"strings"

	"outrider/internal/attachment"
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// executableAttachment finds attachments that run when opened, by name or by content,
// in the open or in a zip archive. Signatures, calendars and documents pass.
func executableAttachment() Signal {
	return Signal{
		ID: "executable-attachment", Name: "Program attached", Class: verdict.ClassMalware, Weight: 10, Since: "0.1",
		Why: "The attachment %s is a program or script, which runs when opened.",
		Find: func(e *evidence.Evidence) []Match {
			files := e.Files()
			for i := range files {
				f := &files[i]
				if name, ok := runs(f); ok {
					times := 1.0
					if onlyScript(name) && isPatchMail(e) {
						times = 0.2 // programmers send each other scripts
					}
					return one(Match{Portion: verdict.PortionAttachment, Field: f.Part.Path, Value: name, Args: []any{name}, Times: times})
				}
			}
			return runsInside(e)
		},
	}
}

// runsInside finds what runs in archives that only unpacking opens.
func runsInside(e *evidence.Evidence) []Match {
	files := e.Files()
	for i, r := range e.Insides() {
		if name, ok := evidence.Runs(r); ok && !insidePackage(&files[i], observable.Extension(name)) {
			name = nameOf(&files[i]) + ": " + name
			return one(Match{Portion: verdict.PortionAttachment, Field: files[i].Part.Path, Value: name, Args: []any{name}})
		}
	}
	return nil
}

// runs returns the name of what runs in the file.
func runs(f *evidence.File) (string, bool) {
	for _, n := range f.Names {
		if observable.RunsWhenOpened(observable.Extension(n)) {
			return n, true
		}
	}
	if attachment.IsProgram(f.Format) {
		return nameOf(f), true
	}
	for _, z := range f.Entries {
		if ext := observable.Extension(z.Name); observable.RunsWhenOpened(ext) && !insidePackage(f, ext) {
			return nameOf(f) + ": " + z.Name, true
		}
	}
	return "", false
}

// insidePackage reports whether scripts with the extension belong into such archives:
// saved web pages and browser extensions hold them.
func insidePackage(f *evidence.File, ext string) bool {
	if len(f.Entries) < 20 {
		return false
	}
	return ext == "js" || ext == "bat" || ext == "sys" || ext == "inf" || ext == "cmd" || ext == "ps1"
}

func onlyScript(name string) bool {
	switch observable.Extension(name) {
	case "js", "mjs", "bat", "cmd", "ps1", "inf", "reg", "desktop":
		return true
	}
	return false
}

// isPatchMail reports whether the text has a patch in it.
func isPatchMail(e *evidence.Evidence) bool {
	return strings.Contains(e.Text(), "\n+++ ") || strings.Contains(e.Text(), "\ndiff --git")
}

// nameOf returns the name that readers most likely see.
func nameOf(f *evidence.File) string {
	if f.Names[0] != "" {
		return f.Names[0]
	}
	return "without a name"
}
