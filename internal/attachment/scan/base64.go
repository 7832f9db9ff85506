package scan

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// Bounds of the search in base64.
const (
	leastBase64 = 64      // characters of a run; shorter ones are identifiers and digests
	mostBase64  = 8 << 20 // characters of a run that are decoded
	maxBase64   = 32      // runs of one file
)

// Base64 returns the files in base64 in a text: runs that decode to a text or to a format
// that known recognises. It takes linear time.
func Base64(text string, known func([]byte) bool) []Child {
	var out []Child
	seen := map[string]bool{}
	for at := 0; at < len(text) && len(out) < maxBase64; {
		if base64Class(text[at]) == 0 {
			at++
			continue
		}
		from := at
		for at < len(text) && base64Class(text[at]) != 0 {
			at++
		}
		run := text[from:at]
		if len(run) < leastBase64 || seen[run] || len(seen) > 1000 {
			continue
		}
		seen[run] = true
		if data := decode64(run[:min(len(run), mostBase64)]); data != nil && (known(data) || readable(data)) {
			out = append(out, Child{Name: "base64_" + strconv.Itoa(len(out)), Source: "ScanBase64", External: []string{"base64"}, Data: data})
		}
	}
	return out
}

// base64Class returns the alphabet of a character: 1 for both, 2 for the standard one, 3
// for the one of URLs, 0 for neither.
func base64Class(c byte) int {
	switch {
	case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9':
		return 1
	case c == '+' || c == '/':
		return 2
	case c == '-' || c == '_':
		return 3
	}
	return 0
}

// decode64 decodes a run without padding, nil if it mixes the alphabets, or consists of
// characters of one kind only, as names and numbers do.
func decode64(run string) []byte {
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(run, "-_") {
		if strings.ContainsAny(run, "+/") {
			return nil
		}
		encoding = base64.RawURLEncoding
	}
	if !strings.ContainsAny(run, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") || !strings.ContainsAny(run, "abcdefghijklmnopqrstuvwxyz") {
		return nil
	}
	if len(run)%4 == 1 {
		run = run[:len(run)-1]
	}
	data, err := encoding.DecodeString(run)
	if err != nil {
		data, _ = encoding.DecodeString(run[:len(run)&^3]) // bits after the end
	}
	return data
}

// readable reports whether data are a text for people or programs.
func readable(data []byte) bool {
	d := Decode(data)
	if !d.IsText {
		return false
	}
	for k := range len(d.Text) {
		if c := d.Text[k]; c < 0x20 && c != '\n' && c != '\r' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
