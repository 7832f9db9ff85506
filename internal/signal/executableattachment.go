package signal

import (
	"strings"

	"outrider/internal/attachment"
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// executableAttachment finds attachments that run when opened, by name or by content, plain
// or in an archive. Signatures, calendars and documents pass.
func executableAttachment() Signal {
	return Signal{
		ID: "executable-attachment", Name: "Program attached", Class: verdict.ClassMalware, Weight: 10, Since: "0.1",
		Why: "The attachment %s is a program or script, which runs when opened.",
		Find: func(e *evidence.Evidence) []Match {
			var worst Match
			for _, f := range e.Files() {
				name, ok := runs(f)
				times := 1 - inPackage(f)
				if !ok || times == 0 {
					continue
				}
				if f.Attached && onlyScript(name) && isPatchMail(e) {
					times = 0.2 // programmers exchange scripts
				}
				if times > worst.Times {
					worst = Match{Portion: verdict.PortionAttachment, Field: f.Part.Path, Value: name, Args: []any{name}, Times: times}
				}
			}
			if worst.Times == 0 {
				return nil
			}
			return one(worst)
		},
	}
}

// runs returns the name of the file if it runs when opened.
func runs(f *evidence.File) (string, bool) {
	for _, n := range f.Names {
		if observable.RunsWhenOpened(observable.Extension(n)) {
			if !f.Attached {
				return f.Label(), true
			}
			return n, true
		}
	}
	return f.Label(), attachment.IsProgram(f.Format)
}

func onlyScript(name string) bool {
	switch observable.Extension(name) {
	case "js", "mjs", "bat", "cmd", "ps1", "inf", "reg", "desktop":
		return true
	}
	return false
}

// isPatchMail reports whether the text contains a patch.
func isPatchMail(e *evidence.Evidence) bool {
	return strings.Contains(e.Text(), "\n+++ ") || strings.Contains(e.Text(), "\ndiff --git")
}
