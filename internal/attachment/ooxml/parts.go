package ooxml

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strings"
	"unicode/utf16"
)

// handler receives the tokens of a part. Names come without their prefixes.
type handler struct {
	start func(e xml.StartElement)
	text  func(s string)
	end   func(name string)
}

// attr returns an attribute by its local name, "" if it is missing.
func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// walk reads a part up to the first error. Raw tokens keep no stack and accept XML that is
// not well formed, which Office repairs as well.
func (r *reader) walk(data []byte, h handler) {
	x := xml.NewDecoder(bytes.NewReader(r.utf8(data)))
	x.Strict = false
	x.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	depth := 0
	for {
		t, err := x.RawToken()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				r.doc.note(BadPart)
			}
			return
		}
		r.tokens++
		if r.tokens > r.limits.Tokens || depth > r.limits.Depth {
			r.doc.note(OverLimit)
			return
		}
		depth += r.token(t, h)
	}
}

// token passes one token on, and returns its change of the depth.
func (r *reader) token(t xml.Token, h handler) int {
	switch t := t.(type) {
	case xml.StartElement:
		h.start(t)
		return 1
	case xml.EndElement:
		if h.end != nil {
			h.end(t.Name.Local)
		}
		return -1
	case xml.CharData:
		if h.text != nil {
			h.text(string(t))
		}
	case xml.Directive:
		r.doc.note(Doctype)
	}
	return 0
}

// utf8 converts a part in UTF-16, recognised by its mark.
func (r *reader) utf8(b []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		order = binary.LittleEndian
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		order = binary.BigEndian
	default:
		return b
	}
	r.doc.note(UTF16)
	u := make([]uint16, 0, len(b)/2)
	for i := 2; i+1 < len(b); i += 2 {
		u = append(u, order.Uint16(b[i:]))
	}
	return []byte(string(utf16.Decode(u)))
}

// contentTypes determines the kind. ECMA-376-2, 10.1.2.
func (r *reader) contentTypes(data []byte) {
	r.walk(data, handler{start: func(e xml.StartElement) {
		t := strings.ToLower(attr(e, "ContentType"))
		if strings.Contains(t, "macroenabled") || strings.Contains(t, "vbaproject") {
			r.doc.MacroEnabled = true
		}
		if !strings.Contains(t, "main") {
			return
		}
		switch {
		case strings.Contains(t, "sheet.binary"):
			r.doc.Kind = ExcelBinary
		case strings.Contains(t, "wordprocessingml"), strings.Contains(t, "ms-word"):
			r.doc.Kind = Word
		case strings.Contains(t, "spreadsheetml"), strings.Contains(t, "ms-excel"):
			r.doc.Kind = Excel
		case strings.Contains(t, "presentationml"), strings.Contains(t, "ms-powerpoint"):
			r.doc.Kind = PowerPoint
		}
	}})
}

// relationships reads the relationships of a part, which their own part name identifies.
// ECMA-376-2, 9.3.
func (r *reader) relationships(key string, data []byte) {
	dir, base := path.Split(key)
	dir = strings.TrimSuffix(dir, "_rels/")
	source := dir + strings.TrimSuffix(base, ".rels")
	r.walk(data, handler{start: func(e xml.StartElement) {
		if e.Name.Local != "Relationship" {
			return
		}
		rel := Relationship{Part: source, Type: path.Base(attr(e, "Type")), Target: attr(e, "Target")}
		rel.External = strings.EqualFold(attr(e, "TargetMode"), "External")
		if !rel.External {
			rel.Target = resolve(dir, rel.Target)
			r.roles[strings.ToLower(rel.Target)] = rel.Type
			r.macroSheet(attr(e, "Id"), &rel)
		} else if rel.Type == "hyperlink" {
			r.link(rel.Target)
		}
		r.doc.Relationships = keep(r, r.doc.Relationships, rel)
	}})
}

func resolve(dir, target string) string {
	if i := strings.IndexAny(target, "?#"); i >= 0 {
		target = target[:i]
	}
	if !strings.HasPrefix(target, "/") {
		target = dir + target
	}
	return strings.TrimPrefix(path.Clean("/"+target), "/")
}

// macroSheet marks the sheet of a macro sheet relationship, even if the workbook does not
// list it: Excel repairs that.
func (r *reader) macroSheet(id string, rel *Relationship) {
	if rel.Type != "xlMacrosheet" && rel.Type != "xlIntlMacrosheet" {
		return
	}
	if i, ok := r.sheets[id]; ok {
		r.doc.Sheets[i].Macro = true
		return
	}
	r.doc.Sheets = keep(r, r.doc.Sheets, Sheet{Name: path.Base(rel.Target), State: stateVisible, Macro: true})
}

// workbook lists the sheets. ECMA-376-1, 18.2.19.
func (r *reader) workbook(data []byte) {
	r.walk(data, handler{start: func(e xml.StartElement) {
		switch e.Name.Local {
		case "sheet":
			s := Sheet{Name: attr(e, "name"), State: attr(e, "state")}
			if s.State == "" {
				s.State = stateVisible
			}
			r.sheets[attr(e, "id")] = len(r.doc.Sheets)
			r.doc.Sheets = keep(r, r.doc.Sheets, s)
		case "definedName":
			if n := attr(e, "name"); strings.HasPrefix(strings.ToLower(strings.TrimPrefix(n, "_xlnm.")), "auto_") {
				r.doc.Actions = keep(r, r.doc.Actions, Action{ActionMacro, n})
			}
		}
	}})
	if len(r.sheets) > len(r.doc.Sheets) { // ids of sheets beyond the limit
		r.sheets = map[string]int{}
	}
}

// sheet reads the cells of a sheet, the shared strings and external links.
func (r *reader) sheet(data []byte, macro bool) {
	var inFormula, inText bool
	var formula strings.Builder
	r.walk(data, handler{
		start: func(e xml.StartElement) {
			switch e.Name.Local {
			case "f":
				inFormula = true
				formula.Reset()
			case "t":
				inText = true
			case "oleObject":
				r.class(attr(e, "progId"))
			case "ddeLink":
				code := "DDE " + attr(e, "ddeService") + " " + attr(e, "ddeTopic")
				r.doc.Fields = keep(r, r.doc.Fields, Field{"DDE", code})
			}
		},
		text: func(s string) {
			if inFormula && formula.Len()+len(s) <= 8192 { // the longest that Excel accepts
				formula.WriteString(s)
			}
			if inText {
				r.write(s)
			}
		},
		end: func(name string) {
			switch name {
			case "f":
				inFormula = false
				r.formula(formula.String(), macro)
			case "t":
				inText = false
			case "si", "is":
				r.write("\n")
			}
		},
	})
}

// outward are the functions and operators of formulas that access data outside of the
// workbook.
var outward = []string{"HYPERLINK(", "WEBSERVICE(", "RTD(", "CALL(", "EXEC(", "REGISTER(", "DDE(", "|"}

func (r *reader) formula(s string, macro bool) {
	upper := strings.ToUpper(s)
	reaches := macro && s != ""
	for _, o := range outward {
		reaches = reaches || strings.Contains(upper, o)
	}
	if !reaches {
		return
	}
	s = JoinLiterals(s)
	r.doc.Formulas = keep(r, r.doc.Formulas, s)
	if _, rest, ok := strings.Cut(s, "HYPERLINK(\""); ok {
		target, _, _ := strings.Cut(rest, "\"")
		r.link(target)
	}
}

// JoinLiterals returns a formula with string literals joined by "&" merged, so that a split
// address is found. ECMA-376-1, 18.17.2.2.
func JoinLiterals(formula string) string {
	if !strings.Contains(formula, "&") {
		return formula
	}
	var out strings.Builder
	inText := false
	for i := 0; i < len(formula); i++ {
		c := formula[i]
		if c == '"' {
			if rest, ok := joint(formula[i:]); inText && ok {
				i += len(formula[i:]) - len(rest) - 1
				continue
			}
			inText = !inText
		}
		out.WriteByte(c)
	}
	return out.String()
}

// joint cuts the end of a string literal, "&" and the start of the next from the front of
// s.
func joint(s string) (string, bool) {
	s, ok := strings.CutPrefix(strings.TrimLeft(s[1:], " "), "&")
	if !ok {
		return "", false
	}
	return strings.CutPrefix(strings.TrimLeft(s, " "), `"`)
}

// word reads text and fields. ECMA-376-1, 17.16: a complex field is a run of instruction
// text between marks, which attackers split into many runs.
func (r *reader) word(data []byte) {
	w := &wordReader{reader: r}
	r.walk(data, handler{start: w.start, text: w.text, end: w.end})
	for len(w.codes) > 0 {
		w.field()
	}
}

type wordReader struct {
	*reader
	in    string             // "t" or "instrText" while inside such an element
	codes []*strings.Builder // of the open fields, innermost last
}

func (w *wordReader) start(e xml.StartElement) {
	switch e.Name.Local {
	case "t", "instrText", "delInstrText", "delText":
		w.in = e.Name.Local
	case "fldSimple":
		w.add(attr(e, "instr"))
	case "fldChar":
		w.mark(attr(e, "fldCharType"))
	case "hlink": // of Word 2003
		w.link(attr(e, "dest"))
	case "attachedTemplate":
		if t := attr(e, "val"); t != "" {
			w.doc.Relationships = keep(w.reader, w.doc.Relationships, Relationship{Type: "attachedTemplate", Target: t, External: true})
		}
	case "OLEObject":
		w.class(attr(e, "ProgID"))
	case "tab":
		w.write("\t")
	case "br", "cr":
		w.write("\n")
	}
}

// class keeps the class of an embedded object, which its data may lack.
func (r *reader) class(name string) {
	if name != "" {
		r.doc.Classes = keep(r, r.doc.Classes, name)
	}
}

// mark opens a field, or ends its instruction.
func (w *wordReader) mark(kind string) {
	switch {
	case kind == "begin" && len(w.codes) < 32:
		w.codes = append(w.codes, &strings.Builder{})
	case kind == "end" && len(w.codes) > 0:
		w.field()
	}
}

// field ends the innermost field.
func (w *wordReader) field() {
	last := len(w.codes) - 1
	code := w.codes[last].String()
	w.codes = w.codes[:last]
	w.add(code)
}

func (w *wordReader) text(s string) {
	switch {
	case w.in == "t":
		w.write(s)
	case w.in == "instrText" && len(w.codes) > 0:
		if b := w.codes[len(w.codes)-1]; b.Len()+len(s) < 16<<10 {
			b.WriteString(s)
		}
	}
}

func (w *wordReader) end(name string) {
	switch name {
	case "t", "instrText", "delInstrText", "delText":
		w.in = ""
	case "p":
		w.write("\n")
	case "tc":
		w.write("\t")
	}
}

// add keeps a field. ECMA-376-1, 17.16.5: the first word is its kind, and for HYPERLINK the
// second is its target.
func (r *reader) add(code string) {
	code = strings.TrimSpace(code)
	kind, rest, _ := strings.Cut(code, " ")
	kind = strings.ToUpper(kind)
	if kind == "" {
		return
	}
	if kind == "HYPERLINK" || kind == "INCLUDEPICTURE" || kind == "INCLUDETEXT" || kind == "LINK" {
		r.link(quoted(rest))
	}
	r.doc.Fields = keep(r, r.doc.Fields, Field{kind, code})
}

// quoted returns the first argument of a field that looks like an address.
func quoted(s string) string {
	s = strings.TrimSpace(s)
	if rest, ok := strings.CutPrefix(s, "\""); ok {
		s, _, _ = strings.Cut(rest, "\"")
		return s
	}
	s, _, _ = strings.Cut(s, " ")
	if strings.HasPrefix(s, "\\") && !strings.HasPrefix(s, "\\\\") {
		return "" // a switch
	}
	return s
}

// slide reads text and clicks. ECMA-376-1, 21.1.2.3.5.
func (r *reader) slide(data []byte) {
	in := false
	r.walk(data, handler{
		start: func(e xml.StartElement) {
			in = in || e.Name.Local == "t"
			r.class(attr(e, "progId"))
			action := attr(e, "action")
			if name, ok := strings.CutPrefix(action, "ppaction://macro?name="); ok {
				r.doc.Actions = keep(r, r.doc.Actions, Action{ActionMacro, name})
			} else if strings.HasPrefix(action, "ppaction://program") {
				r.doc.Actions = keep(r, r.doc.Actions, Action{ActionRun, attr(e, "id")})
			}
		},
		text: func(s string) {
			if in {
				r.write(s)
			}
		},
		end: func(name string) {
			switch name {
			case "t":
				in = false
			case "p":
				r.write("\n")
			}
		},
	})
}

// customUI reads the callbacks of the ribbon. MS-CUSTOMUI, 2.2.
func (r *reader) customUI(data []byte) {
	r.walk(data, handler{start: func(e xml.StartElement) {
		for _, name := range []string{"onLoad", "onAction", "loadImage"} {
			if a := attr(e, name); a != "" {
				r.doc.Actions = keep(r, r.doc.Actions, Action{ActionOnLoad, a})
			}
		}
	}})
}

func (r *reader) activeX(data []byte) {
	r.walk(data, handler{start: func(e xml.StartElement) {
		if id := attr(e, "classid"); id != "" {
			r.doc.ActiveX = keep(r, r.doc.ActiveX, strings.Trim(id, "{}"))
		}
	}})
}

// properties reads core.xml and app.xml. ECMA-376-2, 11 and ECMA-376-1, 22.2.
func (r *reader) properties(data []byte) {
	i := &r.doc.Info
	fields := map[string]*string{
		"title": &i.Title, "creator": &i.Author, "lastModifiedBy": &i.ModifiedBy, "Application": &i.Application,
		"Template": &i.Template, "Company": &i.Company, "created": &i.Created, "modified": &i.Modified,
	}
	var into *string
	r.walk(data, handler{
		start: func(e xml.StartElement) { into = fields[e.Name.Local] },
		text: func(s string) {
			if into != nil && len(*into)+len(s) <= 4096 {
				*into += s
			}
		},
		end: func(string) { into = nil },
	})
}
