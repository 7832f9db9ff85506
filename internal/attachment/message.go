package attachment

import (
	"bytes"
	"strings"

	"outrider/internal/budget"
	"outrider/internal/message"
)

// SourceMessageBody is File.Source of the texts of a message in a file.
const SourceMessageBody = "message-body"

// openMessage passes on the parts of a message in an archive: its files, and its texts with
// their links.
func openMessage(i *inspector, n *node) {
	m := message.Parse(n.data, budget.New(budget.Default()))
	defer func() { i.charset = "" }()
	i.file(n.id).Document = newDocument(m.Subject(), m.Header().Text("From"), "", "")
	for _, p := range m.Parts {
		if p.IsMultipart() || len(p.Children) > 0 || p == m.Root && p.MediaType == "" {
			continue
		}
		data, name := p.Decoded(), p.Filename
		if name == "" {
			name = "part " + p.Path + textExtension(p.MediaType)
		}
		source := ""
		if p.Filename == "" && strings.HasPrefix(p.MediaType, "text/") {
			source = SourceMessageBody
		}
		i.charset = p.Charset
		if !i.entry(n.id, name) || !i.take(File{Parent: n.id, Name: strings.TrimSpace(name), Size: int64(len(data)), Source: source}, bytes.NewReader(data), int64(len(data))) {
			return
		}
	}
}

func textExtension(mediaType string) string {
	switch mediaType {
	case "text/html":
		return ".html"
	case "text/plain":
		return ".txt"
	default:
		return ""
	}
}
