package feed

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"outrider/internal/rule/syntax"
)

// block is the position of a rule's source in its YAML file, as a literal block:
//
//	source: |
//	  type.inbound
type block struct {
	start, end int    // offsets of the lines below "source:", without empty lines at the end
	line       int    // number of the first of them, from 1
	indent     string // of the first that is not empty
	newline    string
}

// sourceKey matches the first line of a literal block.
var sourceKey = regexp.MustCompile(`(?m)^source:[ \t]*\|[-+]?[ \t]*(#[^\r\n]*)?\r?$`)

// findBlock finds the source in a file; ok is false if it is no literal block.
func findBlock(raw []byte) (b block, ok bool) {
	keys := sourceKey.FindAllIndex(raw, 2)
	if len(keys) != 1 { // a second match may be part of a text
		return block{}, false
	}
	at := keys[0][1]
	if at == len(raw) {
		return block{}, false
	}
	b = block{start: at + 1, newline: "\n"}
	if raw[at-1] == '\r' {
		b.newline = "\r\n"
	}
	b.line = 1 + bytes.Count(raw[:b.start], []byte{'\n'})
	b.end = b.start
	for offset := b.start; offset < len(raw); {
		next := offset + len(raw[offset:])
		if i := bytes.IndexByte(raw[offset:], '\n'); i >= 0 {
			next = offset + i + 1
		}
		text := strings.TrimRight(string(raw[offset:next]), " \r\n")
		offset = next
		if text == "" {
			continue
		}
		spaces := text[:len(text)-len(strings.TrimLeft(text, " "))]
		if spaces == "" {
			break
		}
		if b.indent == "" {
			b.indent = spaces
		}
		if len(spaces) < len(b.indent) {
			return block{}, false
		}
		b.end = next
	}
	return b, b.indent != ""
}

// text returns the source without its indentation.
func (b block) text(raw []byte) string {
	var out strings.Builder
	for line := range strings.Lines(string(raw[b.start:b.end])) {
		line = strings.TrimRight(line, "\r\n")
		if len(line) >= len(b.indent) {
			out.WriteString(line[len(b.indent):])
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// place converts a position in the source of a rule to a position in its file, from 1. If
// the source is no literal block, it returns that of the key.
func place(raw []byte, source string, at syntax.Pos) (line, column int) {
	if b, ok := findBlock(raw); ok {
		text := b.text(raw)
		// The source was trimmed.
		above := text[:len(text)-len(strings.TrimLeft(text, " \t\r\n"))]
		if strings.TrimSpace(text) == source {
			line := b.line + strings.Count(above, "\n") + at.Line - 1
			if at.Line == 1 {
				return line, len(b.indent) + len(above) - strings.LastIndexByte(above, '\n') - 1 + at.Column
			}
			return line, len(b.indent) + at.Column
		}
	}
	for i, line := range strings.Split(string(raw), "\n") {
		if rest, ok := strings.CutPrefix(line, "source:"); ok {
			return i + 1, len("source:") + len(rest) - len(strings.TrimLeft(rest, " ")) + at.Column
		}
	}
	return 1, 1
}

// Format returns the YAML of a rule with its source in canonical form. The rest of the file
// is unchanged, and so are one-line sources. The path is for errors, which include the
// position in the file.
func Format(path string, raw []byte) ([]byte, error) {
	out, err := format(raw)
	if err == nil {
		return out, nil
	}
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		r, _ := Parse(raw) // the file was parsed before its source
		line, column := place(raw, r.Source, e.At)
		return nil, errors.New((&Fault{Path: path, Line: line, Column: column, Message: e.Message, Hint: e.Hint}).String())
	}
	return nil, fmt.Errorf("%s: %w", path, err)
}

func format(raw []byte) ([]byte, error) {
	r, err := Parse(raw)
	switch {
	case err != nil:
		return nil, err
	case r == nil:
		return nil, errors.New("it is not a rule")
	}
	e, err := syntax.Parse(r.Source)
	if err != nil {
		return nil, err //nolint:wrapcheck // Format gives it its place
	}
	b, ok := findBlock(raw)
	switch {
	case ok && strings.TrimSpace(b.text(raw)) == r.Source:
	case !strings.Contains(r.Source, "\n"):
		return raw, nil
	default:
		return nil, errors.New("its source is not a literal block (source: |)")
	}
	out := b.replace(raw, syntax.Format(e))
	return out, unchanged(e, out)
}

// replace returns a file with another source.
func (b block) replace(raw []byte, source string) []byte {
	var out bytes.Buffer
	out.Write(raw[:b.start])
	for line := range strings.Lines(source) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			out.WriteString(b.indent + line)
		}
		out.WriteString(b.newline)
	}
	rest := raw[b.end:]
	if len(rest) == 0 && raw[len(raw)-1] != '\n' { // the file had no last line break
		out.Truncate(out.Len() - len(b.newline))
	}
	out.Write(rest)
	return out.Bytes()
}

// unchanged verifies that formatting did not change the meaning of a rule.
func unchanged(before *syntax.Expression, formatted []byte) error {
	r, err := Parse(formatted)
	if err != nil {
		return fmt.Errorf("after formatting: %w", err)
	}
	after, err := syntax.Parse(r.Source)
	if err != nil {
		return fmt.Errorf("after formatting: %s", err.Error())
	}
	if !syntax.Equal(before.Root, after.Root) {
		return errors.New("formatting would change the meaning of the rule")
	}
	return nil
}
