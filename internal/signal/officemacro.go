package signal

import (
	"outrider/internal/attachment"
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// officeMacro finds Office documents with a VBA project. Companies exchange such workbooks,
// so it takes other signals to reach a verdict; documents without macros pass.
func officeMacro() Signal {
	return Signal{
		ID: "office-macro", Name: "Document with macros", Class: verdict.ClassMalware, Weight: 5, Since: "0.1",
		Why: "The document %s contains macros, which are programs.",
		Find: func(e *evidence.Evidence) []Match {
			for _, f := range e.Files() {
				if !hasMacros(f) {
					continue
				}
				times := 1.0
				if e.Contact.First() || !e.AuthorProved() && e.AuthChecked() {
					times = 1.5
				}
				return one(Match{Portion: verdict.PortionAttachment, Field: f.Part.Path, Value: f.Label(), Args: []any{f.Label()}, Times: times})
			}
			return nil
		},
	}
}

// hasMacros reports whether a document has macros of any kind.
func hasMacros(f *evidence.File) bool {
	if f.Attached && attachment.HasOLEMacros(f.Part.Decoded()) {
		return true // also if the rest of the document cannot be read
	}
	return f.HasHarm(attachment.HarmMacro, attachment.HarmAutoMacro, attachment.HarmMacroSheet, attachment.HarmAutoSheet)
}
