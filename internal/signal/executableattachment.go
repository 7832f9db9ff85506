package signal

import (
	"strings"

	"outrider/internal/attachment"
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// executableAttachment finds attachments that run when opened, by name or by content,
// in the open or in an archive. Signatures, calendars and documents pass.
func executableAttachment() Signal {
	return Signal{
		ID: "executable-attachment", Name: "Program attached", Class: verdict.ClassMalware, Weight: 10, Since: "0.1",
		Why: "The attachment %s is a program or script, which runs when opened.",
		Find: func(e *evidence.Evidence) []Match {
			for _, f := range e.Files() {
				name, ok := runs(f)
				if !ok || inPackage(f) {
					continue
				}
				times := 1.0
				if f.Attached && onlyScript(name) && isPatchMail(e) {
					times = 0.2 // programmers send each other scripts
				}
				return one(Match{Portion: verdict.PortionAttachment, Field: f.Part.Path, Value: name, Args: []any{name}, Times: times})
			}
			return nil
		},
	}
}

// runs returns the name of the file, if it runs when opened.
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

// manyFiles is the number of files from which an archive can be a package of software.
const manyFiles = 20

// inPackage reports whether a script belongs into the archive that it is in: saved web
// pages and browser extensions hold scripts in folders, among many files. A script that stands
// beside the folders is what the archive is opened for.
func inPackage(f *evidence.File) bool {
	if f.Attached || len(f.Report.Files) < manyFiles || !strings.ContainsAny(f.Name, `/\`) {
		return false
	}
	switch observable.Extension(f.Name) {
	case "js", "mjs", "bat", "sys", "inf", "cmd", "ps1":
		return !attachment.IsProgram(f.Format)
	}
	return false
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
