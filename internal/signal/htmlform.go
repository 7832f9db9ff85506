package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/evidence/reading"
	"outrider/internal/verdict"
)

// htmlForm finds pages that ask for a password inside the message: attached, where they
// open from disk and no URL filter applies, or in the body. Forms without a password, such
// as surveys, pass.
func htmlForm() Signal {
	return Signal{
		ID: "html-form", Name: "Password form in the message", Class: verdict.ClassPhish, Weight: 8, Since: "0.1",
		Why: "The message carries a page that asks for your password (%s).",
		Find: func(e *evidence.Evidence) []Match {
			for _, t := range e.Texts() {
				if t.Page != nil && asksPassword(t.Page) {
					return one(Match{Portion: verdict.PortionAttachment, Field: t.Field, Value: t.Name, Args: []any{t.Name}})
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

func asksPassword(page *reading.Page) bool {
	for _, f := range page.Forms() {
		if f.Password {
			return true
		}
	}
	return false
}
