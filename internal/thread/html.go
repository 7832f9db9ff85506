package thread

import (
	"sort"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"outrider/internal/markup"
)

// SplitHTMLFrom splits a document: first by the structure that mail clients write, then by
// the rules for text. The sender is that of SplitFrom.
func SplitHTMLFrom(doc *markup.Document, sender string) Thread {
	lines := readLines(doc.DisplayText())
	offsets := make([]int, len(lines))
	at := 0
	for i := range lines {
		offsets[i] = at
		at += len(lines[i].raw) + 1
	}
	change := make([]int, len(lines)+1) // change of the depth, by line
	for _, span := range doc.Spans() {
		kind := structure(span.Node)
		if kind == noStructure {
			continue
		}
		// Line ends before the first text of an element belong to its span.
		from := lineAt(offsets, span.From)
		for from < len(lines) && (offsets[from] < span.From || lines[from].text == "") {
			from++
		}
		if from == len(lines) {
			continue
		}
		if kind == startsMessage {
			lines[from].start = true
			continue
		}
		if to := sort.SearchInts(offsets, span.To); to > from {
			change[from]++
			change[to]--
		}
	}
	depth := 0
	for i := range lines {
		depth += change[i]
		lines[i].depth = min(lines[i].depth+depth, maxDepth)
	}
	return split(lines, sender)
}

// lineAt returns the line of the offset.
func lineAt(offsets []int, offset int) int {
	return max(sort.SearchInts(offsets, offset+1)-1, 0)
}

// kindOf is the role of an element in the conversation.
type kindOf uint8

const (
	noStructure kindOf = iota
	quotes             // the element is a quotation
	startsMessage
)

// structure recognizes the quotation markup of Gmail, Apple Mail, Thunderbird, Yahoo and
// Proton, and Outlook's markup above a copied header.
func structure(n *html.Node) kindOf {
	const longest = 400 // bytes; longer values are no markup of a client
	kind := noStructure
	for i := range n.Attr {
		if a := &n.Attr[i]; len(a.Val) <= longest {
			kind = max(kind, structureOf(n, a.Key, a.Val))
		}
	}
	return kind
}

func structureOf(n *html.Node, key, value string) kindOf {
	switch {
	case key == "class":
		return structureOfClass(n, value)
	case key == "id" && (strings.HasSuffix(value, "divRplyFwdMsg") || strings.HasSuffix(value, "appendonsend") || strings.Contains(value, "mobile-reference-message")),
		key == "style" && isHeaderRule(value):
		return startsMessage
	case key == "type" && n.DataAtom == atom.Blockquote && strings.EqualFold(value, "cite"):
		return quotes
	}
	return noStructure
}

func structureOfClass(n *html.Node, value string) kindOf {
	for class := range strings.FieldsSeq(value) {
		switch class {
		case "gmail_quote":
			if n.DataAtom == atom.Blockquote {
				return quotes
			}
		case "protonmail_quote", "yahoo_quoted", "tutanota_quote", "zmail_extra", "mail-quote":
			return quotes
		case "OutlookMessageHeader", "moz-forward-container", "moz-email-headers-table":
			return startsMessage
		}
		if strings.Contains(class, "ms-outlook-mobile-reference-message") {
			return startsMessage
		}
	}
	return noStructure
}

// isHeaderRule recognizes the line that Outlook draws above a copied header.
func isHeaderRule(style string) bool {
	style = strings.ToLower(strings.ReplaceAll(style, " ", ""))
	return strings.Contains(style, "border-top:solid#e1e1e1") || strings.Contains(style, "border-top:solid#b5c4df")
}
