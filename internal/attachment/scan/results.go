package scan

import (
	"strings"

	"outrider/internal/attachment/yara"
)

// ReadURLs returns the addresses in a text: web addresses that find returns, and those of
// other schemes that valid accepts.
func ReadURLs(text string, find Finder, valid func(string) bool, b *Budget) *URLList {
	out := &URLList{URLs: []string{}, InvalidURLs: []string{}}
	out.Add(find(text), b)
	seen := map[string]bool{}
	for at := 0; len(seen) < maxItems; {
		n := strings.Index(text[at:], "://")
		if n < 0 {
			break
		}
		from, to := around(text, at+n)
		if u := text[from:to]; from < at+n && !seen[u] {
			seen[u] = true
			out.other(u, valid, b)
		}
		at = max(to, at+n+3)
	}
	return out
}

// other classifies an unusual or invalid address.
func (l *URLList) other(u string, valid func(string) bool, b *Budget) {
	scheme, _, _ := strings.Cut(strings.ToLower(u), ":")
	switch {
	case !valid(u):
		b.keep(&l.InvalidURLs, u, maxWord, maxItems)
	case scheme != "http" && scheme != "https" && scheme != "ftp":
		b.keep(&l.URLs, u, 4*maxWord, maxStrings)
	}
}

// around returns the word around a colon, at most that long on either side.
func around(text string, colon int) (from, to int) {
	from, to = colon, colon
	for from > 0 && colon-from < 12 && (text[from-1]|0x20 >= 'a' && text[from-1]|0x20 <= 'z') {
		from--
	}
	for to < len(text) && to-colon < 512 && text[to] > ' ' && strings.IndexByte(`"'<>()`+"`", text[to]) < 0 {
		to++
	}
	return from, to
}

// Add adds new addresses to the list. It does nothing on nil.
func (l *URLList) Add(urls []string, b *Budget) {
	if l == nil {
		return
	}
	known := map[string]bool{}
	for _, u := range l.URLs {
		known[u] = true
	}
	for _, u := range urls {
		if !known[u] {
			known[u] = true
			b.keep(&l.URLs, u, 4*maxWord, maxStrings)
		}
	}
}

// NewLNK describes a shortcut; missing values are null.
func NewLNK(b *Budget, arguments, target, description, dir, icon string) *LNK {
	return &LNK{
		CommandLineArguments: b.value(arguments), Target: b.value(target), Description: b.value(description),
		WorkingDirectory: b.value(dir), IconLocation: b.value(icon),
	}
}

// NewZip describes a zip with entries of those names. Folders end in a slash.
func NewZip(b *Budget, paths []string, encrypted bool) *Zip {
	out := &Zip{AllPaths: []string{}, AttemptedFiles: []string{}, Encrypted: encrypted}
	for _, p := range paths {
		b.keep(&out.AllPaths, p, maxWord, maxItems)
		if !strings.HasSuffix(p, "/") {
			b.keep(&out.AttemptedFiles, p, maxWord, maxItems)
		}
	}
	return out
}

// NewOCR holds the recognised texts of a picture.
func NewOCR(texts []string, b *Budget) *OCR {
	out := &OCR{Raw: b.Text(strings.Join(texts, "\n"), maxRaw/8), Text: []string{}}
	for word := range strings.FieldsSeq(out.Raw) {
		b.keep(&out.Text, word, maxWord, maxStrings)
	}
	return out
}

// NewOCRText holds the recognised texts of all pages.
func NewOCRText(pages []string, b *Budget) *OCRText {
	out := &OCRText{Success: true, PageResults: []OCRPage{}}
	for _, p := range pages {
		if b.room(len(out.PageResults), 1) {
			out.PageResults = append(out.PageResults, OCRPage{Text: b.Text(p, maxRaw/8)})
		}
	}
	out.Text = b.Text(strings.Join(pages, "\n"), maxRaw/4)
	return out
}

// NewYara lists the matching rules of a file, at most most.
func NewYara(r yara.Result, most int, b *Budget) *Yara {
	out := &Yara{Matches: []YaraMatch{}, Flags: []string{}}
	for i := range r.Matches[:min(len(r.Matches), most)] {
		m := &r.Matches[i]
		if !b.room(len(out.Matches), 2) {
			break
		}
		meta := map[string]string{}
		for _, f := range m.Meta {
			if len(meta) < 32 && b.take(8) {
				meta[b.Text(f.Name, 100)] = b.Text(f.Value, 500)
			}
		}
		out.Matches = append(out.Matches, YaraMatch{Name: b.Text(m.Rule, 200), Meta: meta})
	}
	for _, n := range r.Notes {
		b.keep(&out.Flags, string(n), 100, maxItems)
	}
	return out
}
