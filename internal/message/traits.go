package message

import "bytes"

// TraitsOf determines the traits of a complete message, as from a file.
func TraitsOf(raw []byte) Traits {
	t := Traits{NUL: bytes.IndexByte(raw, 0) >= 0}
	header := true
	for line := range bytes.Lines(raw) {
		text, ended := bytes.CutSuffix(line, []byte("\n"))
		text, crlf := bytes.CutSuffix(text, []byte("\r"))
		t.BareLF = t.BareLF || ended && !crlf
		t.BareCR = t.BareCR || bytes.IndexByte(text, '\r') >= 0
		t.MaxLine = max(t.MaxLine, len(text))
		if len(text) == 0 {
			header = false
		}
		if hasEightBit(text) {
			t.EightBit = true
			t.HeaderUTF8 = t.HeaderUTF8 || header
		}
	}
	return t
}
