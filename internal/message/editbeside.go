package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// isSigned reports whether the whole message is signed in readable form.
func (ed *editor) isSigned() bool { return ed.m.Root.MediaType == "multipart/signed" }

// beside adds a text to the message, as its first part. All other parts stay unchanged. It
// reports false if the message cannot have another part.
func (ed *editor) beside(text string) bool {
	if strings.TrimSpace(text) == "" {
		return false
	}
	root := ed.m.Root
	switch root.MediaType {
	case "multipart/encrypted", "multipart/report", "application/pkcs7-mime", "application/x-pkcs7-mime":
		return false // readers recognise them by their place at the top
	case "multipart/mixed":
		if ed.firstPart(text) {
			return true
		}
	}
	return ed.wrap(text)
}

// besidePart returns a text as a part, from its header section to the end of its last line.
func (ed *editor) besidePart(text string) string {
	body := encodeQP(crlf([]byte(plainBanner(text, false)), "\r\n"), "\r\n")
	part := "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Disposition: inline\r\n\r\n" + string(body)
	return strings.ReplaceAll(part, "\r\n", ed.eol)
}

// firstPart inserts the text before the other parts of a multipart/mixed, between delimiter
// lines as the sender wrote them.
func (ed *editor) firstPart(text string) bool {
	root := ed.m.Root
	if len(root.Children) == 0 || root.Children[0].msg != ed.m {
		return false
	}
	at := root.Children[0].Raw.From
	if at <= root.Body.From {
		return false
	}
	line := ed.m.Raw[bytes.LastIndexByte(ed.m.Raw[:at-1], '\n')+1 : at]
	if !bytes.HasPrefix(line, []byte("--")) || line[len(line)-1] != '\n' {
		return false
	}
	ed.replace(at, at, ed.besidePart(text)+string(line))
	return true
}

// wrap turns the message into a multipart/mixed of the text and the original content. The
// fields that describe the content move with it.
func (ed *editor) wrap(text string) bool {
	raw, root := ed.m.Raw, ed.m.Root
	fields := root.Header.Fields
	if len(fields) == 0 {
		return false
	}
	sum := sha256.Sum256(raw)
	// A hash of the message, so that no line of the message matches it.
	boundary := "outrider-" + hex.EncodeToString(sum[:12])
	at := fields[0].Raw.From
	var inner strings.Builder
	for _, f := range fields {
		if strings.HasPrefix(f.Key, "content-") {
			inner.WriteString(strings.TrimRight(string(raw[f.Raw.From:f.Raw.To]), "\r\n") + ed.eol)
			ed.replace(f.Raw.From, f.Raw.To, "")
		}
	}
	outer := "Content-Type: multipart/mixed; boundary=\"" + boundary + "\"" + ed.eol
	if root.Encoding == "8bit" || root.Encoding == "binary" { // RFC 2045, Section 6.4: the encoding of a multipart covers all its parts
		outer += "Content-Transfer-Encoding: " + root.Encoding + ed.eol
	}
	ed.replace(at, at, outer)
	ed.mimeVersion(at)
	if !ed.blank {
		ed.endHeader()
	}
	delimiter := "--" + boundary
	ed.replace(root.Body.From, root.Body.From, delimiter+ed.eol+ed.besidePart(text)+delimiter+ed.eol+inner.String()+ed.eol)
	ed.replace(len(raw), len(raw), ed.eol+delimiter+"--"+ed.eol)
	return true
}
