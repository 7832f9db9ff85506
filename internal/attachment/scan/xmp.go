package scan

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
)

// walkXML calls start, text and end for the tokens of XML up to the first error, at most
// most. Names come without their prefixes.
func walkXML(data []byte, most int, start func(xml.StartElement), text func(string), end func(string)) {
	x := xml.NewDecoder(bytes.NewReader(data))
	x.Strict = false
	x.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	for range most {
		t, err := x.RawToken()
		if err != nil {
			return
		}
		switch t := t.(type) {
		case xml.StartElement:
			start(t)
		case xml.CharData:
			text(string(t))
		case xml.EndElement:
			end(t.Name.Local)
		}
	}
}

const maxXMLTokens = 20_000

// xmpNames are ExifTool's names that differ from the capitalised property name.
var xmpNames = map[string]string{"keywords": "Keywords", "xmptk": "XMPToolkit"}

// xmpSpaces are the prefixes of the schemas whose simple properties are read.
const xmpSpaces = " dc xmp xap xmpMM xapMM pdf pdfx photoshop tiff exif xmpRights "

// xmp adds the properties of the first packet in a file. ISO 16684-1, Section 7. A property
// that is already known from the file is repeated, as in ExifTool.
func (m *Metadata) xmp(data []byte) {
	from := bytes.Index(data, []byte("<x:xmpmeta"))
	if from < 0 {
		return
	}
	packet := data[from:min(len(data), from+(64<<10))]
	if to := bytes.Index(packet, []byte("</x:xmpmeta>")); to > 0 {
		packet = packet[:to]
	}
	property, value := "", ""
	start := func(e xml.StartElement) {
		for _, a := range e.Attr {
			if a.Name.Local == "xmptk" || strings.Contains(xmpSpaces, " "+a.Name.Space+" ") {
				m.AddSome(xmpName(a.Name.Local), xmpValue(a.Name.Local, a.Value))
			}
		}
		if strings.Contains(xmpSpaces, " "+e.Name.Space+" ") {
			property, value = e.Name.Local, ""
		}
	}
	text := func(s string) { value += s[:min(len(s), max(0, maxValue-len(value)))] }
	end := func(name string) {
		if name == property {
			m.AddSome(xmpName(name), xmpValue(name, value))
			property, value = "", ""
		}
	}
	walkXML(packet, maxXMLTokens, start, text, end)
}

func xmpName(local string) string {
	if named, ok := xmpNames[local]; ok {
		return named
	}
	return strings.ToUpper(local[:min(1, len(local))]) + local[min(1, len(local)):]
}

func xmpValue(name, value string) string {
	value = strings.Join(strings.Fields(value), " ")
	if strings.HasSuffix(name, "Date") {
		return isoDate(value)
	}
	return value
}
