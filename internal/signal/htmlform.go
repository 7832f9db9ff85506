package signal

import (
	"outrider/internal/evidence"
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
				if f := &files[i]; f.Page != nil && asksPassword(f.Page) {
					return one(Match{Portion: verdict.PortionAttachment, Field: f.Part.Path, Value: nameOf(f), Args: []any{nameOf(f)}})
				}
			}
			for _, page := range e.Pages() {
				if asksPassword(page) {
					return one(Match{Portion: verdict.PortionBody, Value: page.Title, Args: []any{"in its text"}})
				}
			}
			return nil
		},
	}
}

func asksPassword(page *evidence.Page) bool {
	for _, f := range page.Forms() {
		if f.Password {
			return true
		}
	}
	return false
}
