package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// isSigned reports whether the whole message is one that is signed and can be read.
func (ed *editor) isSigned() bool { return ed.m.Root.MediaType == "multipart/signed" }

// beside adds a text to the message, as its first part. All other parts stay as they are,
// byte by byte. It reports false where the message cannot have one more part.
func (ed *editor) beside(text string) bool {
	if strings.TrimSpace(text) == "" {
		return false
	}
	root := ed.m.Root
	switch root.MediaType {
	case "multipart/encrypted", "multipart/report", "application/pkcs7-mime", "application/x-pkcs7-mime":
		return false // readers know them by their place at the top
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

// firstPart puts the text before the other parts of a multipart/mixed, between delimiter
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

// wrap makes the message a multipart/mixed of the text and what it was. The fields that
// describe the content go with it.
func (ed *editor) wrap(text string) bool {
	raw, root := ed.m.Raw, ed.m.Root
	fields := root.Header.Fields
	if len(fields) == 0 {
		return false
	}
	sum := sha256.Sum256(raw)
	// It has a hash of the message, so that the message has no line with it.
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
	if root.Encoding == "8bit" || root.Encoding == "binary" { // RFC 2045, Section 6.4: that of a multipart is of all its parts
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
