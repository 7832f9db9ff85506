package ole

import (
	"bytes"
	"strings"
)

// linked keeps the targets of a linked object. MS-OLEDS, 2.3.3: monikers follow the flags;
// they are found by their classes, since composite ones contain others.
func (r *reader) linked(b []byte) {
	for _, class := range [...]string{urlMoniker, fileMoniker} {
		for at := 0; len(r.doc.Remote) < r.limits.Items; {
			k := bytes.Index(b[at:], []byte(class))
			if k < 0 {
				break
			}
			if target := strings.TrimSpace(moniker(b[at+k:])); target != "" {
				r.doc.Remote = append(r.doc.Remote, target)
			}
			at += k + len(class)
		}
	}
}

// Bounds of the texts kept of the forms of a project.
const (
	leastFormString = 5
	maxFormStrings  = 64 << 10 // bytes
)

// form keeps the texts of a form. MS-OFORMS, 2.1: "f" holds the form and "o" its controls,
// where macros hide commands in captions and tags. Only forms have both beside a compiled
// object.
func (r *reader) form(e entry) {
	if r.find(e.dir+"o") == nil || r.find(e.dir+"f") == nil {
		return
	}
	left := maxFormStrings
	for _, s := range r.doc.FormStrings {
		left -= len(s)
	}
	for _, s := range printable(e.data, leastFormString) {
		if left -= len(s); left < 0 || len(r.doc.FormStrings) >= r.limits.Items {
			r.doc.note(OverLimit)
			return
		}
		r.doc.FormStrings = append(r.doc.FormStrings, s)
	}
}

// printable returns the runs of Latin text in bytes, including UTF-16.
func printable(b []byte, least int) []string {
	var out []string
	for _, step := range [...]int{1, 2} {
		var run []byte
		flush := func() {
			if len(run) >= least {
				out = append(out, string(run))
			}
			run = run[:0]
		}
		for i := 0; i+step <= len(b); i += step {
			if c := b[i]; (c >= ' ' && c < 0x7f || c == '\t' || c == '\n' || c == '\r') && (step == 1 || b[i+1] == 0) {
				run = append(run, c)
			} else {
				flush()
			}
		}
		flush()
	}
	return out
}
