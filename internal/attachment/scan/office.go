package scan

import (
	"bytes"
	"encoding/xml"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"outrider/internal/attachment/ole"
	"outrider/internal/attachment/ooxml"
)

// Package collects the metadata in the parts of an Office Open XML document. The parts are
// added one by one, as the zip is unpacked.
type Package struct {
	properties []EXIFField         // in the order of the parts
	lists      map[string][]string // properties with several values
	colors     set
	images     int
	slides     int
	words      int // of slides
}

// The namespaces of ECMA-376-2, Section 11 are ignored: names are enough.
var coreNames = map[string]string{
	"title": "Title", "subject": "Subject", "creator": "Creator", "keywords": "Keywords", "description": "Description",
	"lastModifiedBy": "LastModifiedBy", "revision": "RevisionNumber", "created": "CreateDate", "modified": "ModifyDate",
	"category": "Category", "lastPrinted": "LastPrinted", "contentStatus": "ContentStatus", "identifier": "Identifier",
	"language": "Language", "version": "Version",
}

var appNames = map[string]string{
	"Template": "Template", "TotalTime": "TotalEditTime", "Pages": "Pages", "Words": "Words", "Characters": "Characters",
	"Application": "Application", "DocSecurity": "DocSecurity", "Lines": "Lines", "Paragraphs": "Paragraphs", "ScaleCrop": "ScaleCrop",
	"Manager": "Manager", "Company": "Company", "LinksUpToDate": "LinksUpToDate", "CharactersWithSpaces": "CharactersWithSpaces",
	"SharedDoc": "SharedDoc", "HyperlinkBase": "HyperlinkBase", "HyperlinksChanged": "HyperlinksChanged", "AppVersion": "AppVersion",
	"PresentationFormat": "PresentationFormat", "Slides": "Slides", "Notes": "Notes", "HiddenSlides": "HiddenSlides", "MMClips": "MMClips",
}

// appLists are the properties that hold a vector.
var appLists = map[string]string{"HeadingPairs": "HeadingPairs", "TitlesOfParts": "TitlesOfParts", "HLinks": "Hyperlinks"}

var (
	fontColor = regexp.MustCompile(`\Aw:val="([0-9A-Fa-f]{6}|auto)"`)
	pictures  = regexp.MustCompile(`<pic:pic[\s/>]|<w:pict[\s/>]|<p:pic[\s/>]`)
	slideText = regexp.MustCompile(`<a:t>([^<]*)`)
)

// Part takes one part, by its name in the zip.
func (p *Package) Part(name string, data []byte) {
	data = data[:min(len(data), 8<<20)]
	name = strings.ToLower(strings.TrimLeft(strings.ReplaceAll(name, `\`, "/"), "/"))
	dir, base := path.Split(name)
	switch {
	case dir == "docprops/":
		p.propertyPart(base, data[:min(len(data), 1<<20)])
	case dir == "word/" && strings.HasSuffix(base, ".xml") && strings.HasPrefix(base, "document"):
		p.images += len(pictures.FindAllIndex(data, 10_000))
		p.fontColors(data)
	case dir == "ppt/slides/" && strings.HasPrefix(base, "slide"):
		p.slides++
		p.images += len(pictures.FindAllIndex(data, 10_000))
		for _, m := range slideText.FindAllSubmatch(data, 100_000) {
			p.words += len(strings.Fields(string(m[1])))
		}
	}
}

// maxColors bounds the elements of a part that are searched for colours, maxColor the bytes
// of one.
const (
	maxColors = 100_000
	maxColor  = 220
)

// fontColors keeps the colours in text elements.
func (p *Package) fontColors(data []byte) {
	const element, value = "<w:color", `w:val="`
	for range maxColors {
		i := bytes.Index(data, []byte(element))
		if i < 0 {
			return
		}
		data = data[i+len(element):]
		tag := data[:min(len(data), maxColor)]
		if end := bytes.IndexByte(tag, '>'); end >= 0 {
			tag = tag[:end]
		}
		if len(tag) == 0 || !bytes.ContainsRune([]byte(" \t\r\n\f"), rune(tag[0])) {
			continue
		}
		for k := bytes.Index(tag, []byte(value)); k >= 0; k = bytes.Index(tag, []byte(value)) {
			if m := fontColor.FindSubmatch(tag[k:]); m != nil {
				p.color(string(m[1]))
				break
			}
			tag = tag[k+len(value):]
		}
	}
}

// color keeps a colour of text, in upper case as writers do.
func (p *Package) color(c string) {
	if c != "auto" {
		c = strings.ToUpper(c)
	}
	p.colors.add(&Budget{Left: 64}, c, 6, 100)
}

func (p *Package) propertyPart(base string, data []byte) {
	switch base {
	case "core.xml":
		p.simple(data, coreNames)
	case "app.xml":
		p.simple(data, appNames)
	case "custom.xml":
		p.custom(data)
	}
}

// simple reads properties that are elements. Of the vectors, ECMA-376-1, Section 22.4, it
// takes all values in order.
func (p *Package) simple(data []byte, names map[string]string) {
	name, vector, value := "", "", ""
	var values []string
	start := func(e xml.StartElement) {
		value = ""
		if l := appLists[e.Name.Local]; l != "" && len(names) == len(appNames) {
			vector, values = l, nil
		} else if vector == "" {
			name = names[e.Name.Local]
		}
	}
	end := func(local string) {
		switch {
		case vector != "" && appLists[local] == vector:
			p.addList(vector, values)
			vector = ""
		case vector != "" && strings.TrimSpace(value) != "" && len(values) < maxItems:
			values = append(values, value)
		case vector == "" && name != "":
			p.add(name, value)
			name = ""
		}
		value = ""
	}
	walkXML(data, maxXMLTokens, start, func(s string) { value += s[:min(len(s), max(0, maxValue-len(value)))] }, end)
}

// custom reads custom properties. ECMA-376-1, Section 22.3.
func (p *Package) custom(data []byte) {
	name, value := "", ""
	start := func(e xml.StartElement) {
		if e.Name.Local == "property" {
			name, value = "", ""
			for _, a := range e.Attr {
				if a.Name.Local == "name" {
					name = tagName(a.Value)
				}
			}
		}
	}
	end := func(local string) {
		if local == "property" && name != "" {
			p.add(name, strings.TrimSpace(value))
			name = ""
		}
	}
	walkXML(data, maxXMLTokens, start, func(s string) { value += s[:min(len(s), max(0, maxValue-len(value)))] }, end)
}

// tagName makes a name as ExifTool does: letters, digits, dashes and underscores, with the
// prefix "Tag" unless it begins with a letter.
func tagName(s string) string {
	out := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, s)
	out = out[:min(len(out), 100)]
	if out == "" {
		return ""
	}
	if c := out[0] | 0x20; c < 'a' || c > 'z' {
		return "Tag" + out
	}
	return strings.ToUpper(out[:1]) + out[1:]
}

func (p *Package) add(name, value string) {
	if len(p.properties) >= maxItems {
		return
	}
	switch name {
	case "TotalEditTime":
		value = span(value)
	case "CreateDate", "ModifyDate", "LastPrinted":
		value = isoDate(value)
	}
	p.properties = append(p.properties, EXIFField{Key: name, Value: value})
}

func (p *Package) addList(name string, values []string) {
	if p.lists == nil {
		p.lists = map[string][]string{}
	}
	if name == "Hyperlinks" {
		values = hyperlinks(values)
	}
	p.lists[name] = values
	p.add(name, "")
}

// hyperlinks returns the addresses in the vector HLinks, with six values per link: three
// numbers, the name in the file, the address and a place in it.
func hyperlinks(values []string) []string {
	var out []string
	for _, v := range values {
		if _, err := strconv.Atoi(v); err != nil {
			out = append(out, v)
		}
	}
	return out
}

// value returns the property with ExifTool's name.
func (p *Package) value(b *Budget, name string) *string {
	for _, f := range p.properties {
		if f.Key == name {
			return b.value(f.Value)
		}
	}
	return nil
}

// Package adds the metadata in the parts of a document.
func (m *Metadata) Package(p *Package) {
	for _, f := range p.properties {
		if l, ok := p.lists[f.Key]; ok {
			m.AddList(f.Key, l)
			continue
		}
		m.Add(f.Key, f.Value)
		if f.Key == "Pages" {
			m.Add("PageCount", f.Value)
		}
	}
}

// Docx describes a text document with that number of words.
func (p *Package) Docx(words int, b *Budget) *Docx {
	v := func(name string) *string { return p.value(b, name) }
	out := &Docx{
		Author: v("Creator"), Title: v("Title"), Subject: v("Subject"), Keywords: v("Keywords"), Comments: v("Description"),
		Category: v("Category"), LastModifiedBy: v("LastModifiedBy"), Revision: v("RevisionNumber"), Created: v("CreateDate"),
		Modified: v("ModifyDate"), WordCount: words, ImageCount: p.images, FontColors: []string{},
	}
	for _, c := range p.colors.list {
		b.keep(&out.FontColors, c, 6, 100)
	}
	out.WhiteTextInDoc = slices.Contains(out.FontColors, "FFFFFF")
	return out
}

// Pptx describes a presentation with those links.
func (p *Package) Pptx(links []string, b *Budget) *Pptx {
	v := func(name string) *string { return p.value(b, name) }
	out := &Pptx{
		Author: v("Creator"), Title: v("Title"), Subject: v("Subject"), Keywords: v("Keywords"), Comments: v("Description"),
		Category: v("Category"), LastModifiedBy: v("LastModifiedBy"), Revision: v("RevisionNumber"), Created: v("CreateDate"),
		Modified: v("ModifyDate"), SlideCount: p.slides, WordCount: p.words, ImageCount: p.images, URLs: []string{},
	}
	for _, u := range links {
		b.keep(&out.URLs, u, maxWord, maxItems)
	}
	return out
}

// OLE adds the metadata of an old document.
func (m *Metadata) OLE(o *ole.Document) {
	for _, f := range [...]EXIFField{
		{"Title", o.Info.Title}, {"Author", o.Info.Author}, {"Template", o.Info.Template}, {"LastModifiedBy", o.Info.ModifiedBy},
		{"Software", o.Info.Application},
	} {
		m.AddSome(f.Key, f.Value)
	}
}

// outside returns the external relationships.
func outside(o *ooxml.Document, b *Budget) []OfficeLinks {
	out := []OfficeLinks{}
	for _, r := range o.External() {
		if !b.room(len(out), 6) {
			break
		}
		link := OfficeLinks{Name: b.Text(r.Type, maxWord), Target: b.Text(r.Target, maxWord)}
		if scheme, _, ok := strings.Cut(link.Target, ":"); ok && len(scheme) > 1 && !strings.ContainsAny(scheme, `/\ .`) && b.take(2*len(link.Target)) {
			target := link.Target
			link.TargetURL = &target
		}
		out = append(out, link)
	}
	return out
}
