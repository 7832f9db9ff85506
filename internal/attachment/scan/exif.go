package scan

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Metadata collects the fields of a file under ExifTool's names.
type Metadata struct {
	out    *EXIF
	budget *Budget
}

// NewMetadata returns metadata that extend before, if not nil, and else begin with the name
// of the format and the media type.
func NewMetadata(before *EXIF, mime, format string, b *Budget) *Metadata {
	if before != nil {
		return &Metadata{out: before, budget: b}
	}
	m := &Metadata{out: &EXIF{Fields: []EXIFField{}}, budget: b}
	m.Add("FileType", strings.ToUpper(format))
	m.Add("MIMEType", mime)
	return m
}

// Result returns the collected metadata, never nil.
func (m *Metadata) Result() *EXIF { return m.out }

// Add keeps a field. An empty value is kept: rules test for it.
func (m *Metadata) Add(key, value string) {
	if key == "" || !m.budget.room(len(m.out.Fields), 2) {
		return
	}
	value = m.budget.Text(value, maxValue)
	m.out.Fields = append(m.out.Fields, EXIFField{Key: m.budget.Text(key, 200), Value: value})
	m.special(key, value)
}

// AddSome keeps a field with a value.
func (m *Metadata) AddSome(key, value string) {
	if value != "" {
		m.Add(key, value)
	}
}

// AddList keeps the values of a field as an array in JSON.
func (m *Metadata) AddList(key string, values []string) {
	var s strings.Builder
	e := json.NewEncoder(&s)
	e.SetEscapeHTML(false)
	if e.Encode(list(values)) == nil {
		m.Add(key, strings.TrimSpace(s.String()))
	}
}

// special sets the fields that rules use by name. The first value of a field counts.
func (m *Metadata) special(key, value string) {
	text := map[string]**string{
		"Creator": &m.out.Creator, "Producer": &m.out.Producer, "Title": &m.out.Title, "Author": &m.out.Author,
		"CreateDate": &m.out.CreateDate, "ModifyDate": &m.out.ModifyDate, "CommandLineArguments": &m.out.CommandLineArguments,
		"ZipFileName": &m.out.ZipFileName,
	}
	numbers := map[string]**int{"PageCount": &m.out.PageCount, "ImageWidth": &m.out.ImageWidth, "ImageHeight": &m.out.ImageHeight}
	sizes := map[string]**int64{"ZipUncompressedSize": &m.out.ZipUncompressedSize, "ZipCompressedSize": &m.out.ZipCompressedSize}
	if p, ok := text[key]; ok && *p == nil && m.budget.take(len(value)) {
		*p = &value
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		if p, ok := numbers[key]; ok && *p == nil {
			small := int(n)
			*p = &small
		}
		if p, ok := sizes[key]; ok && *p == nil {
			*p = &n
		}
	}
}

// size keeps the sides of a picture in pixels.
func (m *Metadata) size(width, height int) {
	if width > 0 && height > 0 {
		m.Add("ImageWidth", strconv.Itoa(width))
		m.Add("ImageHeight", strconv.Itoa(height))
		m.Add("ImageSize", fmt.Sprintf("%dx%d", width, height))
	}
}

// isoDate writes a date of RFC 3339 or shorter as ExifTool does.
func isoDate(s string) string {
	day, clock, ok := strings.Cut(s, "T")
	day = strings.ReplaceAll(day, "-", ":")
	if !ok {
		return day
	}
	return day + " " + clock
}

// span formats minutes as ExifTool does, without a unit for "0".
func span(minutes string) string {
	n, err := strconv.ParseInt(minutes, 10, 32)
	if err != nil || n == 0 {
		return minutes
	}
	switch d := time.Duration(n) * time.Minute; {
	case n == 1:
		return "1 minute"
	case d < time.Hour:
		return strconv.FormatInt(n, 10) + " minutes"
	case d < 24*time.Hour:
		return fmt.Sprintf("%.1f hours", d.Hours())
	default:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	}
}
