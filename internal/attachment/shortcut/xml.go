package shortcut

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// row is the meaning of an attribute of an element, or of its text. "*" matches all
// elements.
type row struct {
	element, attribute string
	kinds              []string
}

// elements maps formats to the meaning of their XML.
var elements = map[string][]row{
	"webloc":             {{"string", "", []string{link, "open"}}},
	"search-ms":          {{"include", "path", []string{"search"}}, {"url", "", []string{link, "search"}}},
	"library-ms":         {{"url", "", []string{link, "open-folder"}}, {"iconreference", "", []string{"icon"}}},
	"searchconnector-ms": {{"url", "", []string{link, "open-folder"}}, {"iconreference", "", []string{"icon"}}},
	"settingcontent-ms":  {{"deeplink", "", []string{"run"}}, {"icon", "", []string{"icon"}}},
	"appinstaller":       {{"*", "uri", []string{link, "install"}}, {"mainpackage", "name", []string{title}}, {"mainbundle", "name", []string{title}}},
	"clickonce": {
		{"deploymentprovider", "codebase", []string{link, "install"}}, {"dependentassembly", "codebase", []string{"install"}},
		{"description", "product", []string{title}}, {"commandline", "file", []string{"run"}},
	},
	"jnlp": {
		{"jnlp", "codebase", []string{link, "install"}}, {"*", "href", []string{link}}, {"application-desc", "main-class", []string{"run"}},
		{"title", "", []string{title}}, {"argument", "", []string{"arguments"}},
	},
	"msc": {
		{"task", "command", []string{"run"}}, {"commandline", "params", []string{"arguments"}}, {"string", "", []string{text}},
	},
}

// text is a value that matters only if it is a link.
const text = "text"

// xml reads elements by the rows, up to the first syntax error.
func (f *File) xml(rows []row, doc string) {
	d := xml.NewDecoder(strings.NewReader(doc))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // it is UTF-8 already
	element := ""
	for range maxTokens {
		t, err := d.RawToken()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				f.note(Broken)
			}
			return
		}
		switch t := t.(type) {
		case xml.StartElement:
			element = strings.ToLower(t.Name.Local)
			f.attributes(rows, element, t.Attr)
		case xml.EndElement:
			element = ""
		case xml.CharData:
			f.value(rows, element, "", string(t))
		}
	}
	f.note(OverLimit)
}

func (f *File) attributes(rows []row, element string, list []xml.Attr) {
	for _, a := range list {
		f.value(rows, element, strings.ToLower(a.Name.Local), a.Value)
	}
}

// value keeps a value that the rows request.
func (f *File) value(rows []row, element, attribute, value string) {
	for _, r := range rows {
		if r.attribute != attribute || r.element != element && (r.element != "*" || element == "") {
			continue
		}
		for _, kind := range r.kinds {
			f.leading(kind, value)
		}
	}
}

// leading keeps a text as a link if it is one. Management consoles list all their strings
// in one table, and open those that are addresses.
func (f *File) leading(kind, value string) {
	if kind != text {
		f.add(kind, value)
		return
	}
	for _, scheme := range []string{"http:", "https:", "file:", "res:", "javascript:", "ms-"} {
		if strings.HasPrefix(strings.ToLower(strings.TrimSpace(value)), scheme) {
			f.add(link, value)
			f.add("open", value)
			return
		}
	}
}
