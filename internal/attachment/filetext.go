package attachment

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"

	"outrider/internal/message"
)

// textBytes bounds the bytes of a text that determine its kind.
const textBytes = 16 << 10

// plain returns the beginning of a text as lower-case UTF-8, and whether it is text: UTF-16
// with a byte order mark, or bytes without control characters foreign to text.
func plain(data []byte) (string, bool) {
	head := data[:min(len(data), textBytes)]
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return lowerUTF16(head[2:], binary.LittleEndian), true
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return lowerUTF16(head[2:], binary.BigEndian), true
	}
	if order := unmarked(head); order != nil {
		return lowerUTF16(head, order), true
	}
	for _, b := range head {
		if b < 0x20 && b != '\t' && b != '\n' && b != '\r' && b != '\f' && b != 0x1b || b == 0x7f {
			return "", false
		}
	}
	return strings.ToLower(string(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")))), true
}

// unmarked returns the byte order of UTF-16 without a mark: a text that begins with Latin
// letters has zeros in every other byte. XML 1.0, Appendix F.
func unmarked(head []byte) binary.ByteOrder {
	head = head[:min(len(head), 1024)&^1]
	if len(head) < 8 || bytes.IndexByte(head[:4], 0) < 0 {
		return nil
	}
	if order := message.UTF16Order(head); order != nil && isText16(head, order) {
		return order
	}
	return nil
}

// isText16 reports whether the units contain no control characters foreign to text.
func isText16(head []byte, order binary.ByteOrder) bool {
	for k := 0; k+1 < len(head); k += 2 {
		if u := order.Uint16(head[k:]); u < 0x20 && u != '\t' && u != '\n' && u != '\r' && u != '\f' || u == 0x7f {
			return false
		}
	}
	return true
}

func lowerUTF16(data []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return strings.ToLower(string(utf16.Decode(units)))
}

// textMarks are decisive beginnings, after white space.
var textMarks = [...]struct{ prefix, format, mime string }{
	{"begin:vcalendar", "ics", "text/calendar"},
	{"begin:vcard", "vcf", "text/vcard"},
	{"[internetshortcut]", "url", "application/x-mswinurl"},
	{"windows registry editor", "reg", "text/x-ms-regedit"},
	{"#!/", "sh", "text/x-shellscript"},
	{"@echo off", "bat", "text/x-msdos-batch"},
	{"<job", "wsf", "text/xml"},
	{"<package", "wsf", "text/xml"},
	{"%!ps", "ps", "application/postscript"},
	{"id;p", "slk", "application/x-sylk"},
	{"web\r\n1\r\n", "iqy", "text/plain"},
	{"full address:s:", "rdp", "application/x-rdp"},
	{"-----begin pgp", "pgp", "application/pgp-encrypted"},
}

// textKind returns the kind of a text. Markup is checked first, because programs that show
// it detect it; scripts are recognised by phrases that only they contain.
func textKind(text, ext string) (format, mime string) {
	t := strings.TrimLeft(text, " \t\r\n\f\x00")
	for _, m := range textMarks {
		if strings.HasPrefix(t, m.prefix) {
			return m.format, m.mime
		}
	}
	if format, mime = markup(t); format == "html" && (ext == "xls" || ext == "xlt") {
		return "htmlsheet", mime
	} else if format != "" {
		return format, mime
	}
	if isMail(t) {
		return "eml", "message/rfc822"
	}
	if ext == "csv" || ext == "tsv" || ext == "tab" {
		return "csv", "text/csv"
	}
	if format = script(t, ext); format != "" {
		return format, scriptMIME(format)
	}
	if strings.HasPrefix(t, "{") && strings.Contains(t, `"`) && strings.Contains(t, ":") {
		return "json", "application/json"
	}
	return "txt", "text/plain"
}

// pageMarks are tags that a page may begin with.
var pageMarks = [...]string{
	"<!doctype html", "<html", "<head", "<body", "<script", "<meta", "<iframe", "<form", "<table", "<title", "<a href", "<div", "<style",
}

func markup(t string) (format, mime string) {
	switch {
	case strings.Contains(t, "<hta:application"):
		return "hta", "text/html"
	case isSVG(t):
		return "svg", "image/svg+xml"
	case isPage(t):
		return "html", "text/html"
	case strings.HasPrefix(t, "<?xml"):
		return "xml", "text/xml"
	}
	return "", ""
}

func isSVG(t string) bool {
	if rootElement(t) == "svg" {
		return true
	}
	before, _, found := strings.Cut(t, "<svg")
	return found && !strings.Contains(before, "<html") &&
		(strings.HasPrefix(t, "<?xml") || strings.HasPrefix(t, "<!--") || strings.HasPrefix(t, "<!doctype svg"))
}

func isPage(t string) bool {
	if rootElement(t) == "html" { // of XHTML, whose names may have a prefix
		return true
	}
	for _, tag := range pageMarks {
		if strings.HasPrefix(t, tag) || strings.HasPrefix(t, "<!--") && strings.Contains(t, tag) {
			return true
		}
	}
	if strings.HasPrefix(t, "<?xml") {
		return strings.Contains(t, "<html")
	}
	// A page may begin with text: browsers show it as a page if it is served as one.
	return strings.Contains(t, "<html") && strings.Contains(t, "</html>") || strings.Contains(t, "<script") && strings.Contains(t, "</script>")
}

// isMail requires two message fields among the first lines.
func isMail(t string) bool {
	n := 0
	for line := range strings.SplitSeq(t[:min(len(t), 4096)], "\n") {
		name, _, ok := strings.Cut(line, ":")
		if !ok && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") && !strings.HasPrefix(line, "from ") {
			break
		}
		switch name {
		case "from", "to", "subject", "date", "received", "return-path", "message-id", "mime-version", "delivered-to", "content-type":
			n++
		}
	}
	return n >= 2
}

// scriptMarks are phrases that hardly occur outside of the language.
var scriptMarks = [...]struct {
	format  string
	phrases []string
}{
	{"ps1", []string{"invoke-expression", "new-object ", "-executionpolicy", "[system.", "write-host", "$env:", "iex(", "param(", "start-process"}},
	{"vbs", []string{"createobject(", "wscript.", "on error resume next", "end sub", "end function", "\ndim ", "set ", "msgbox"}},
	{"js", []string{"function(", "function ", "var ", "activexobject", "wscript.", "document.", "window.", "eval(", "=> {", "const ", "settimeout("}},
	{"bat", []string{"@echo", "%~dp0", "setlocal", "cmd /c", "goto ", "%comspec%", "powershell "}},
}

// script guesses the language of a script: the extension if a phrase agrees, or three
// different phrases of one language.
func script(t, ext string) string {
	alias := map[string]string{"jse": "js", "mjs": "js", "vbe": "vbs", "vb": "vbs", "psm1": "ps1", "cmd": "bat"}
	if a, ok := alias[ext]; ok {
		ext = a
	}
	best, most := "", 2
	for _, s := range scriptMarks {
		n := 0
		for _, p := range s.phrases {
			if strings.Contains(t, p) {
				n++
			}
		}
		if ext == s.format && n > 0 {
			return s.format
		}
		if n > most {
			best, most = s.format, n
		}
	}
	return best
}

func scriptMIME(format string) string {
	switch format {
	case "js":
		return "application/javascript"
	case "vbs":
		return "text/vbscript"
	case "ps1":
		return "text/x-powershell"
	}
	return "text/x-msdos-batch"
}
