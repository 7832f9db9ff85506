package mdm

import (
	"outrider/internal/budget"
	"outrider/internal/evidence/reading"
	"outrider/internal/markup"
	"outrider/internal/observable"
)

// Content returns the bytes of the attachment after transfer decoding; of an attached
// message, those of the message. It is nil for an attachment without a message part.
func (a *Attachment) Content() []byte {
	switch {
	case a.part == nil:
		return nil
	case a.part.MediaType == "message/rfc822":
		return a.part.BodyBytes()
	default:
		return a.part.Decoded()
	}
}

// Document returns the document that the text was parsed from, or nil for a hand-made one.
func (h *HTML) Document() *markup.Document { return h.document }

// DocumentLinks returns the links of an HTML document that a reader can follow, and the
// links that clients make of URLs in its text.
func DocumentLinks(doc *markup.Document, b *budget.Budget) []Link {
	return newLinks(reading.PageLinks(reading.NewPage(doc, b), b))
}

// TextLinks returns the links that clients make of plain text.
func TextLinks(s string, b *budget.Budget) []Link { return newLinks(reading.PlainLinks(s, b)) }

// NewLink describes one link by its target and its visible text. The parser is "plain" or
// "hyperlink".
func NewLink(u observable.URL, label, parser string) Link { return newLink(u, label, parser) }
