package scan

import (
	"html"
	"maps"
	"slices"
	"strings"
)

// ReadXML lists the tags of XML, well formed or not, and returns its scripts.
func ReadXML(text string, b *Budget) (*XMLFile, []Child) {
	r := &xmlReader{rest: text, budget: b, out: &XMLFile{}}
	for r.next() {
		if b.Left <= 0 {
			break
		}
	}
	r.out.Namespaces, r.out.Tags = r.spaces.strings(), r.tags.strings()
	return r.out, r.children
}

// xmlReader is the state of one ReadXML.
type xmlReader struct {
	rest     string
	budget   *Budget
	out      *XMLFile
	spaces   set
	tags     set
	children []Child
}

// next reads one tag, comment or declaration. XML 1.0, Section 2.
func (r *xmlReader) next() bool {
	at := strings.IndexByte(r.rest, '<')
	if at < 0 {
		return false
	}
	r.rest = r.rest[at+1:]
	switch {
	case strings.HasPrefix(r.rest, "!--"):
		r.until("-->")
	case strings.HasPrefix(r.rest, "![CDATA["):
		r.until("]]>")
	case strings.HasPrefix(r.rest, "?"):
		r.declaration(r.until("?>"))
	case len(r.rest) > 8 && strings.EqualFold(r.rest[:8], "!DOCTYPE"):
		r.docType()
	case r.rest != "" && (identStart(r.rest[0]) && r.rest[0] != '\\'):
		r.tag()
	}
	return true
}

// until returns the text before an end, and skips both.
func (r *xmlReader) until(end string) string {
	before, rest, _ := strings.Cut(r.rest, end)
	r.rest = rest
	return before
}

func (r *xmlReader) declaration(s string) {
	if r.out.Version == nil && len(s) >= 4 && strings.EqualFold(s[:4], "?xml") {
		r.out.Version = r.budget.value(attributesOf(s[4:])["version"])
	}
}

// docType keeps the declaration without its internal subset. XML 1.0, Section 2.8.
func (r *xmlReader) docType() {
	end := strings.IndexAny(r.rest, "[>")
	if end < 0 {
		r.rest = ""
		return
	}
	if r.out.DocType == nil {
		r.out.DocType = r.budget.value("<" + strings.TrimSpace(r.rest[:min(end, maxWord)]) + ">")
	}
	inner := r.rest[end] == '['
	r.rest = r.rest[end+1:]
	if inner {
		r.until("]>")
	}
}

func (r *xmlReader) tag() {
	end := tagEnd(r.rest)
	inside := r.rest[:end]
	r.rest = r.rest[min(end+1, len(r.rest)):]
	space := strings.IndexAny(inside, " \t\r\n/")
	if space < 0 {
		space = len(inside)
	}
	name := inside[:space]
	name = name[strings.IndexByte(name, ':')+1:]
	r.out.TotalTags++
	r.tags.add(r.budget, name, maxWord, maxItems)
	attributes := map[string]string{}
	if name == "script" || strings.Contains(inside, "xmlns") {
		attributes = attributesOf(inside[space:])
	}
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		if key == "xmlns" || strings.HasPrefix(key, "xmlns:") {
			r.spaces.add(r.budget, attributes[key], maxWord, maxItems)
		}
	}
	if name == "script" {
		r.script(attributes, strings.HasSuffix(inside, "/"))
	}
}

// script extracts the content of a script element, CDATA or not.
func (r *xmlReader) script(attributes map[string]string, empty bool) {
	r.out.TotalScripts++
	if empty {
		return
	}
	source := r.until("</")
	for strings.Contains(source, "<![CDATA[") && !strings.Contains(source, "]]>") && r.rest != "" {
		source += "</" + r.until("]]>") + "]]>"
	}
	if raw, cdata := unwrapped(source); cdata {
		source = raw
	} else {
		source = html.UnescapeString(source)
	}
	if strings.TrimSpace(source) == "" {
		return
	}
	if r.out.TotalExtracted++; !r.budget.more(len(r.children)) {
		return
	}
	r.children = append(r.children, scriptChild("ScanXml", r.out.TotalScripts, scriptKind(attributes["language"], attributes["type"]), source))
}

// unwrapped returns the text of CDATA sections, and whether there is one.
func unwrapped(s string) (string, bool) {
	if !strings.Contains(s, "<![CDATA[") {
		return "", false
	}
	return strings.NewReplacer("<![CDATA[", "", "]]>", "").Replace(s), true
}

// tagEnd returns the offset of the > that ends a tag outside of quotes, or the end.
func tagEnd(s string) int {
	var quote byte
	for k := range len(s) {
		switch c := s[k]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return k
		}
	}
	return len(s)
}

// attributesOf reads the attributes of a tag, at most a hundred, the first of each.
func attributesOf(s string) map[string]string {
	out := map[string]string{}
	for len(out) < 100 {
		key, rest, ok := strings.Cut(s, "=")
		if !ok {
			return out
		}
		fields := strings.Fields(key[max(0, len(key)-200):])
		rest = strings.TrimLeft(rest, " \t\r\n")
		if len(fields) == 0 || rest == "" || rest[0] != '"' && rest[0] != '\'' {
			s = rest
			if s == "" {
				return out
			}
			s = s[1:]
			continue
		}
		value, after, _ := strings.Cut(rest[1:], rest[:1])
		if _, known := out[fields[len(fields)-1]]; !known {
			out[fields[len(fields)-1]] = html.UnescapeString(value[:min(len(value), maxValue)])
		}
		s = after
	}
	return out
}
