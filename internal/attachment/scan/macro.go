package scan

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"outrider/internal/attachment/ole"
	"outrider/internal/attachment/ooxml"
)

// Project holds the macros of one document: those of its own streams, or of its parts.
type Project struct {
	Modules  []ole.Module
	Keywords []ole.Keyword
	Formulas int // of macro sheets
}

// Add adds the macros of a document that is part of this one.
func (p *Project) Add(o *ole.Document) {
	p.Modules = append(p.Modules, o.Modules...)
	p.Keywords = append(p.Keywords, o.Keywords...)
	p.Formulas += len(o.MacroFormulas)
}

// VBA classifies the words of the macros. It returns nil without modules.
func (p *Project) VBA(b *Budget) *VBA {
	if len(p.Modules) == 0 {
		return nil
	}
	var auto, suspicious, ioc, hexed, based set
	for _, k := range p.Keywords {
		switch k.Type {
		case "autoexec":
			auto.add(b, k.Keyword, maxWord, maxItems)
		case "suspicious":
			suspicious.add(b, k.Keyword, maxWord, maxItems)
		case "ioc":
			ioc.add(b, k.Keyword, maxWord, maxItems)
		case "hex_string":
			hexed.addSome(b, decoded(k))
		case "base64_string":
			based.addSome(b, decoded(k))
		}
	}
	return &VBA{
		AutoExec: auto.strings(), Suspicious: suspicious.strings(), IOC: ioc.strings(), Hex: hexed.strings(), Base64: based.strings(),
		Dridex: []string{}, TotalFiles: len(p.Modules), TotalExtracted: len(p.Modules),
	}
}

// addSome keeps s unless it is empty or known.
func (s *set) addSome(b *Budget, v string) {
	if v != "" {
		s.add(b, v, maxWord, maxItems)
	}
}

// decoded returns the decoded text of a word in hexadecimal or base64 as far as it is
// printable, or "".
func decoded(k ole.Keyword) string {
	var raw []byte
	switch k.Type {
	case "hex_string":
		raw, _ = hex.DecodeString(k.Keyword)
	case "base64_string":
		raw, _ = base64.RawStdEncoding.DecodeString(strings.TrimRight(k.Keyword, "="))
	default:
		return k.Keyword
	}
	printed := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, string(raw))
	if 4*len(printed) < 3*len(raw) {
		return ""
	}
	return printed
}

// Risk levels, as named by oletools.
const (
	riskNone   = "none"
	riskInfo   = "info"
	riskLow    = "low"
	riskMedium = "medium"
	riskHigh   = "high"
)

// Office holds the facts about an Office document that indicate danger.
type Office struct {
	Format  string          // our format name
	Old     *ole.Document   // nil for Office Open XML
	New     *ooxml.Document // nil for OLE
	Project Project
	Flash   int // Flash films in it
	Failure string
}

// Oletools returns the indicators, macros and external relationships of a document.
func (o *Office) Oletools(b *Budget) *Oletools {
	out := &Oletools{Error: b.value(o.Failure), Relationships: []OfficeLinks{}}
	out.Macros = o.Project.macros(b)
	if o.New != nil {
		out.Relationships = outside(o.New, b)
	}
	i := &out.Indicators
	i.ContainerFormat = Named{Value: o.container(), Risk: riskInfo}
	i.FileFormat = Named{Value: formatNames[o.Format], Risk: riskInfo}
	if i.FileFormat.Value == "" {
		i.FileFormat.Value = strings.ToUpper(o.Format)
	}
	i.Encryption = present(o.Old != nil && o.Old.Encrypted, riskLow)
	i.VBAMacros = present(len(o.Project.Modules) > 0, riskMedium)
	if o.Project.has("suspicious") {
		i.VBAMacros.Risk = riskHigh
	}
	i.XLMMacros = present(o.Project.Formulas > 0 || o.New != nil && macroSheet(o.New), riskMedium)
	i.ObjectPool = present(o.Old != nil && hasStorage(o.Old, "ObjectPool"), riskLow)
	i.ExternalRelationships = counted(len(out.Relationships), riskHigh)
	i.FlashObjects = counted(o.Flash, riskMedium)
	return out
}

// formatNames are the display names of formats.
var formatNames = map[string]string{
	"doc": "MS Word 97-2003 Document", "xls": "MS Excel 97-2003 Workbook", "ppt": "MS PowerPoint 97-2003 Presentation",
	"docx": "MS Word 2007+ Document", "docm": "MS Word 2007+ Macro-Enabled Document", "xlsx": "MS Excel 2007+ Workbook",
	"xlsm": "MS Excel 2007+ Macro-Enabled Workbook", "xlsb": "MS Excel 2007+ Binary Workbook", "pptx": "MS PowerPoint 2007+ Presentation",
	"pptm": "MS PowerPoint 2007+ Macro-Enabled Presentation", "encrypted-ooxml": "MS Office 2007+ Encrypted Document",
	"rtf": "Rich Text Format", "msg": "MS Outlook Message", "msi": "Windows Installer Package",
}

func (o *Office) container() string {
	switch {
	case o.New != nil:
		return "OpenXML"
	case o.Old != nil:
		return "OLE"
	default:
		return o.Format
	}
}

func macroSheet(d *ooxml.Document) bool {
	for _, s := range d.Sheets {
		if s.Macro {
			return true
		}
	}
	return false
}

func present(is bool, risk string) Present {
	if !is {
		risk = riskNone
	}
	return Present{Exists: is, Risk: risk}
}

func counted(n int, risk string) Counted {
	if n == 0 {
		risk = riskNone
	}
	return Counted{Count: n, Risk: risk}
}

func (p *Project) has(kind string) bool {
	for _, k := range p.Keywords {
		if k.Type == kind {
			return true
		}
	}
	return false
}

// macros returns the sources and words of a project.
func (p *Project) macros(b *Budget) Macros {
	out := Macros{Keywords: []MacroKeyword{}, Modules: []MacroModule{}}
	var all strings.Builder
	for _, m := range p.Modules {
		if all.Len() < maxRaw {
			all.WriteString(m.Source + "\n")
		}
		if b.room(len(out.Modules), 2) {
			out.Modules = append(out.Modules, MacroModule{Name: b.Text(m.Name, maxWord), StreamPath: b.Text(m.Stream, maxWord)})
		}
	}
	for _, k := range p.Keywords {
		if !b.room(len(out.Keywords), 3) {
			break
		}
		word := decoded(k)
		if word == "" {
			word = k.Keyword
		}
		out.Keywords = append(out.Keywords, MacroKeyword{
			Type: k.Type, Keyword: b.Text(word, maxWord), Description: b.Text(k.Description, maxWord),
		})
	}
	if all.Len() > 0 {
		code := b.Text(all.String(), maxRaw/4)
		out.VBACodeAllModules = &code
	}
	return out
}

// hasStorage reports whether a stream is in a storage with that name.
func hasStorage(d *ole.Document, name string) bool {
	for _, s := range d.Streams {
		if strings.HasPrefix(s.Path, name+"/") {
			return true
		}
	}
	return false
}
