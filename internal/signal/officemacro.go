package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// officeMacro finds Office documents with a VBA project. Companies send each other
// such workbooks, so it needs company to become a verdict; documents without macros
// pass.
func officeMacro() Signal {
	return Signal{
		ID: "office-macro", Name: "Document with macros", Class: verdict.ClassMalware, Weight: 5, Since: "0.1",
		Why: "The document %s contains macros, which are programs.",
		Find: func(e *evidence.Evidence) []Match {
			files := e.Files()
			for i := range files {
				if f := &files[i]; f.Macros {
					times := 1.0
					if e.Contact.First() || !e.AuthorProved() && e.AuthChecked() {
						times = 1.5
					}
					return one(Match{Portion: verdict.PortionAttachment, Field: f.Part.Path, Value: nameOf(f), Args: []any{nameOf(f)}, Times: times})
				}
			}
			return nil
		},
	}
}
