package thread

import "outrider/internal/markup"

// Split is SplitFrom for an unknown sender.
func Split(text string) Thread { return SplitFrom(text, "") }

// SplitHTML is SplitHTMLFrom for an unknown sender.
func SplitHTML(doc *markup.Document) Thread { return SplitHTMLFrom(doc, "") }
