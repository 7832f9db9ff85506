package ocr

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The columns of Tesseract's table with the position and value of a word.
const (
	columnLevel = 0 // wordLevel for words
	columnBlock = 2
	columnPar   = 3
	columnLine  = 4
	columnConf  = 10
	columnText  = 11
	columns     = 12
	wordLevel   = "5"
)

// parse parses the table. Malformed rows are skipped.
func parse(out []byte) Text {
	var t Text
	var b strings.Builder
	var before []string // the last word's row
	letters, sum := 0, 0.0
	for row := range bytes.Lines(out) {
		cells, conf, ok := word(row)
		if !ok {
			continue
		}
		text := cells[columnText]
		if b.Len()+len(text)+2 > maxText {
			break
		}
		b.WriteString(between(before, cells))
		b.WriteString(text)
		before = cells
		n := utf8.RuneCountInString(text)
		t.Words, letters, sum = t.Words+1, letters+n, sum+conf*float64(n)
	}
	t.Text = b.String()
	if letters > 0 {
		t.Confidence = sum / float64(letters)
	}
	return t
}

// word returns the cells of a row with a word, and its confidence.
func word(row []byte) (cells []string, conf float64, ok bool) {
	cells = strings.SplitN(strings.TrimRight(string(row), "\r\n"), "\t", columns)
	if len(cells) < columns || cells[columnLevel] != wordLevel {
		return nil, 0, false
	}
	conf, err := strconv.ParseFloat(cells[columnConf], 64)
	cells[columnText] = strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(cells[columnText], "\x00", ""), ""))
	return cells, conf, err == nil && conf >= 0 && conf <= 100 && cells[columnText] != ""
}

// between returns the separator of two words.
func between(before, now []string) string {
	switch {
	case before == nil:
		return ""
	case !slices.Equal(before[columnBlock:columnLine], now[columnBlock:columnLine]):
		return "\n\n"
	case before[columnLine] != now[columnLine]:
		return "\n"
	}
	return " "
}
