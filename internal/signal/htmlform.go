package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// htmlForm finds pages that ask for a password inside the message: attached, where
// they open from disk and no filter sees the address, or in the body. Forms without a
// password, as surveys have, pass.
func htmlForm() Signal {
	return Signal{
		ID: "html-form", Name: "Password form in the message", Class: verdict.ClassPhish, Weight: 8, Since: "0.1",
		Why: "The message carries a page that asks for your password (%s).",
		Find: func(e *evidence.Evidence) []Match {
			files := e.Files()
			for i := range files {
				if f := &files[i]; f.HTML != nil && asksPassword(f.HTML) {
					return one(Match{Portion: verdict.PortionAttachment, Field: f.Part.Path, Value: nameOf(f), Args: []any{nameOf(f)}})
				}
			}
			for _, doc := range e.HTML() {
				if asksPassword(doc) {
					return one(Match{Portion: verdict.PortionBody, Value: doc.Title, Args: []any{"in its text"}})
				}
			}
			return nil
		},
	}
}

func asksPassword(doc *observable.HTML) bool {
	for _, f := range doc.Forms {
		if f.Password {
			return true
		}
	}
	return false
}
