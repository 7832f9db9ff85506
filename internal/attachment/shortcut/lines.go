package shortcut

import (
	"encoding/binary"
	"strings"
)

// keys maps formats to the meaning of their keys. The value of a key may have two kinds.
var keys = map[string]map[string][]string{
	// A working directory on a share makes an honest program load a stranger's library.
	"url": {"url": {link, "open"}, "workingdirectory": {"working-directory"}, "iconfile": {"icon"}},
	"scf": {"iconfile": {"icon"}, "command": {"command"}},
	"desktop": {
		"exec": {"run"}, "tryexec": {"run"}, "url": {link, "open"}, "url[$e]": {link, "open"}, "icon": {"icon"}, "name": {title},
		"path": {"working-directory"},
	},
	"desktop-ini": {"iconresource": {"icon"}, "iconfile": {"icon"}, "localizedresourcename": {"resource"}, "clsid": {"class"}},
	"rdp": {
		"full address": {"connect"}, "alternate full address": {"connect"}, "gatewayhostname": {"gateway"},
		"remoteapplicationprogram": {"run"}, "remoteapplicationcmdline": {"arguments"}, "alternate shell": {"run"},
		"remoteapplicationname": {title}, "drivestoredirect": {"share-drives"}, "devicestoredirect": {"share-devices"},
		"kdcproxyname": {"gateway"},
	},
}

// lines parses lines of "key=value", and those of a remote desktop, "key:type:value".
func (f *File) lines(meaning map[string][]string, text string) {
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		key, value, ok := strings.Cut(line, "=")
		if before, rest, colon := strings.Cut(line, ":"); colon && (!ok || len(before) < len(key)) && len(rest) > 1 && rest[1] == ':' {
			key, value = before, rest[2:]
		}
		for _, kind := range meaning[strings.ToLower(strings.TrimSpace(key))] {
			f.add(kind, value)
		}
	}
}

// webQuery parses an Excel query: its kind, its version, and an address.
func (f *File) webQuery(text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "://") || strings.HasPrefix(line, `\\`) {
			f.add(link, line)
			f.add("query", line)
			return
		}
	}
}

// sylk parses a SYLK sheet: records by lines, fields separated by semicolons, which are
// doubled as characters. Field E of a cell is its formula.
func (f *File) sylk(text string) {
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		fields := strings.Split(strings.ReplaceAll(line, ";;", "\x00"), ";")
		for _, field := range fields[1:] {
			field = strings.ReplaceAll(field, "\x00", ";")
			switch {
			case fields[0] == "NN" && strings.HasPrefix(strings.ToLower(field), "nauto_"):
				f.add("auto-open", field[1:])
			case fields[0] == "C" && strings.HasPrefix(field, "E"):
				f.formula(field[1:])
			}
		}
	}
}

// formula keeps a formula, and the program that it starts by dynamic data exchange.
func (f *File) formula(s string) {
	if len(f.Scripts) >= maxItems {
		f.note(OverLimit)
		return
	}
	s = s[:min(len(s), maxValue)]
	f.Scripts = append(f.Scripts, "="+s)
	if service, topic, ok := strings.Cut(s, "|"); ok && strings.Contains(topic, "!") {
		f.add("DDE", service+" "+topic)
	}
}

// binaryList finds the strings of a binary property list that are addresses. A byte of kind
// and length precedes each; length 15 means that a number follows.
func (f *File) binaryList(data []byte) {
	for at := 0; at+3 < len(data); at++ {
		kind, size, head := data[at]>>4, int(data[at]&15), 1
		if size == 15 {
			size, head = int(data[at+2]), 3
			if data[at+1] == 0x11 && at+4 < len(data) {
				size, head = int(binary.BigEndian.Uint16(data[at+2:])), 4
			}
		}
		if s := data[at+head:]; kind == 5 && size <= len(s) && strings.Contains(string(s[:min(size, 12)]), "://") {
			f.add(link, string(s[:size]))
			f.add("open", string(s[:size]))
			at += head + size - 1
		}
	}
}
