package ooxml

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"io"
	"strings"
)

// Flavour is the format of a document in one XML file.
type Flavour string

// The formats of documents in one XML file.
const (
	NoFlavour Flavour = ""
	WordXML   Flavour = "wordml"  // Word 2003
	ExcelXML  Flavour = "xlml"    // Excel 2003
	FlatOPC   Flavour = "flatopc" // all parts of a package. ECMA-376-1, Annex M
	FlatODF   Flavour = "fodt"    // OpenDocument. ISO 26300-1, 2.2.1
)

// FlavourOf identifies a document in XML by its root and the namespaces in its beginning,
// in lower case; root is the root without its prefix.
func FlavourOf(root, beginning string) Flavour {
	switch {
	case root == "worddocument" && strings.Contains(beginning, "schemas.microsoft.com/office/word/200"):
		return WordXML
	case root == "workbook" && strings.Contains(beginning, "urn:schemas-microsoft-com:office:spreadsheet"):
		return ExcelXML
	case root == "package" && strings.Contains(beginning, "schemas.microsoft.com/office/2006/xmlpackage"):
		return FlatOPC
	case root == "document" && strings.Contains(beginning, "urn:oasis:names:tc:opendocument:xmlns:office"):
		return FlatODF
	}
	return NoFlavour
}

// ReadFlat reads a document in one XML file.
func ReadFlat(data []byte, flavour Flavour, l Limits) *Document {
	d := &Document{}
	r := newReader(d, l)
	switch flavour {
	case WordXML:
		d.Kind = Word
		r.word(data)
		r.binaries(data)
	case ExcelXML:
		d.Kind = Excel
		r.oldSheet(data)
	case FlatOPC:
		r.read(r.flatParts(data))
		return d
	case FlatODF:
		r.openDocument(data)
	case NoFlavour:
	}
	d.Text = strings.TrimSpace(r.text.String())
	return d
}

// flatParts splits a package in one file into its parts. ECMA-376-1, Annex M.
func (r *reader) flatParts(data []byte) []part {
	data = r.utf8(data)
	x := xml.NewDecoder(bytes.NewReader(data))
	x.Strict = false
	x.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	var out []part
	var now part
	begin := int64(-1)
	for len(out) < r.limits.Entries {
		before := x.InputOffset()
		t, err := x.RawToken()
		if err != nil {
			return out
		}
		switch t := t.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "part":
				name := attr(t, "name")
				now = part{name: name, key: partKey(name)}
			case "xmlData", "binaryData":
				begin = x.InputOffset()
			}
		case xml.EndElement:
			if kind := t.Name.Local; begin >= 0 && (kind == "xmlData" || kind == "binaryData") {
				now.data = flatData(data[begin:before], kind == "binaryData")
				out, begin = append(out, now), -1
				r.doc.Parts = append(r.doc.Parts, now.name)
			}
		}
	}
	r.doc.note(OverLimit)
	return out
}

func flatData(b []byte, packed bool) []byte {
	if !packed {
		return b
	}
	return decode64(string(b))
}

// decode64 decodes the valid prefix of a text.
func decode64(s string) []byte {
	s = strings.Map(func(c rune) rune {
		if c <= ' ' {
			return -1
		}
		return c
	}, s)
	out := make([]byte, base64.StdEncoding.DecodedLen(len(s)))
	n, err := base64.StdEncoding.Decode(out, []byte(s))
	if err != nil && n == 0 {
		return nil
	}
	return out[:n]
}

// binaries reads the base64 data of Word 2003: macros as "editdata.mso", pictures and
// objects.
func (r *reader) binaries(data []byte) {
	var name string
	var text strings.Builder
	r.walk(data, handler{
		start: func(e xml.StartElement) {
			if e.Name.Local == "binData" || e.Name.Local == "docOleData" || e.Name.Local == "docSuppData" {
				if n := attr(e, "name"); n != "" {
					name = n
				}
				text.Reset()
			}
		},
		text: func(s string) {
			if name != "" && int64(text.Len()+len(s)) < r.left {
				text.WriteString(s)
			}
		},
		end: func(local string) {
			if local != "binData" || name == "" {
				return
			}
			b := decode64(text.String())
			r.left -= int64(len(b))
			f := File{Name: name, Data: b}
			if strings.HasSuffix(strings.ToLower(name), ".mso") {
				r.doc.Macros = keep(r, r.doc.Macros, f)
			} else {
				r.doc.Embedded = keep(r, r.doc.Embedded, f)
			}
			name = ""
		},
	})
}

// oldSheet reads the XML of Excel 2003: cells with formulas and links as attributes.
func (r *reader) oldSheet(data []byte) {
	in := false
	r.walk(data, handler{
		start: func(e xml.StartElement) {
			in = e.Name.Local == "Data"
			switch e.Name.Local {
			case "Worksheet":
				r.doc.Sheets = keep(r, r.doc.Sheets, Sheet{Name: attr(e, "Name"), State: stateVisible})
			case "MacroSheet", "Macrosheet":
				r.doc.Sheets = keep(r, r.doc.Sheets, Sheet{Name: attr(e, "Name"), State: stateVisible, Macro: true})
			case "NamedRange":
				if n := attr(e, "Name"); strings.HasPrefix(strings.ToLower(n), "auto_") {
					r.doc.Actions = keep(r, r.doc.Actions, Action{ActionMacro, n})
				}
				r.formula(attr(e, "RefersTo"), false)
			}
			r.formula(strings.TrimPrefix(attr(e, "Formula"), "="), false)
			r.link(attr(e, "HRef"))
		},
		text: func(s string) {
			if in {
				r.write(s)
			}
		},
		end: func(name string) {
			if in && name == "Data" {
				r.write("\n")
			}
			in = false
		},
	})
}

// fixedPage reads a page of XPS. ECMA-388, 12.1 and 16.1: texts and links are attributes.
func (r *reader) fixedPage(data []byte) {
	r.doc.Kind = FixedPages
	r.walk(data, handler{start: func(e xml.StartElement) {
		for _, a := range e.Attr {
			switch a.Name.Local {
			case "UnicodeString":
				r.write(strings.TrimPrefix(a.Value, "{}") + "\n")
			case "FixedPage.NavigateUri":
				if strings.Contains(a.Value, ":") {
					r.link(a.Value)
				}
			}
		}
	}})
}
