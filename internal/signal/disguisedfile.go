package signal

import (
	"strings"

	"outrider/internal/attachment"
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// disguisedFile finds attachments whose type contradicts their name: a program with a
// document's name, double extensions, the right-to-left override that reverses a name, and
// containers that bypass Windows' warnings about programs.
func disguisedFile() Signal {
	return Signal{
		ID: "disguised-file", Name: "File in disguise", Class: verdict.ClassMalware, Weight: 5, Since: "0.1",
		Why: "The attachment %s is not what its name says: %s.",
		Find: func(e *evidence.Evidence) []Match {
			for _, f := range e.Files() {
				if name, how := disguise(f); how != "" {
					return one(Match{Portion: verdict.PortionAttachment, Field: f.Part.Path, Value: name, Args: []any{name, how}})
				}
			}
			return nil
		},
	}
}

func disguise(f *evidence.File) (name, how string) {
	for _, n := range f.Names {
		switch {
		case strings.ContainsAny(n, "\u202e\u202d"):
			return n, "a mark turns the end of the name around"
		case doubleExtension(n):
			return n, "only the last of its two extensions counts"
		}
	}
	switch ext := observable.Extension(f.Names[0]); {
	case attachment.IsProgram(f.Format) && !observable.RunsWhenOpened(ext):
		return f.Label(), "its content is a " + attachment.Describe(f.Format)
	case attachment.IsCarrier(f.Format) && observable.IsDocument(ext):
		return f.Label(), "its content is a " + attachment.Describe(f.Format)
	case attachment.IsCarrier(f.Format):
		return f.Label(), "a " + attachment.Describe(f.Format) + " carries files past the warnings of the system"
	}
	return "", ""
}

// doubleExtension reports whether a name imitates a document: "scan.pdf.exe", "scan.pdf
// .html".
func doubleExtension(name string) bool {
	last := observable.Extension(name)
	if !observable.RunsWhenOpened(last) && last != "html" && last != "htm" && last != "shtml" && last != "svg" {
		return false
	}
	trimmed := strings.TrimRight(strings.ToLower(name), ". ")
	inner := observable.Extension(strings.TrimRight(strings.TrimSuffix(trimmed, "."+last), " "))
	return observable.IsDocument(inner) && inner != last && inner != "html" && inner != "htm"
}
