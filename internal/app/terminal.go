package app

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	"outrider/internal/verdict"
)

// screen is what is known of the place that output goes to.
type screen struct {
	width int // in columns; 0: not a terminal, where nothing is cut
	color bool
}

// screenOf looks at a file. color is auto, always or never; auto respects NO_COLOR
// (https://no-color.org), and TERM=dumb.
func screenOf(out any, color string) screen {
	s := screen{color: color == "always"}
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return s
	}
	s.width = 80
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		s.width = w
	}
	if w, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && w > 0 {
		s.width = w
	}
	if color == "auto" {
		s.color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return s
}

// style is a colour of text.
type style string

// The styles in use.
const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	alarm  style = "1;31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

// paint colours text where the output shows colours.
func (s screen) paint(how style, text string) string {
	if how == plain || !s.color || text == "" {
		return text
	}
	return "\x1b[" + string(how) + "m" + text + "\x1b[0m"
}

// styleOf returns the style of a disposition.
func styleOf(d verdict.Disposition) style {
	switch {
	case d >= verdict.MaliciousBEC:
		return alarm
	case d >= verdict.Suspicious:
		return yellow
	case d >= verdict.Spam:
		return cyan
	default:
		return plain
	}
}

// visible escapes what a terminal would obey and what would hide or turn text: control
// characters, invisible ones, directional formatting, and bytes that are no UTF-8.
func visible(text string) string {
	if !strings.ContainsFunc(text, hides) && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case !hides(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[n:]
	}
	return b.String()
}

// hides reports whether a character is not visible itself. The joiners are spelling in many
// scripts.
func hides(r rune) bool {
	switch r {
	case '\u200c', '\u200d': // zero-width non-joiner and joiner
		return false
	case '\u115f', '\u1160', '\u3164', '\uffa0': // fillers of Hangul
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// cells measures text in columns of a terminal. Characters whose width is ambiguous take one.
var cells = &runewidth.Condition{StrictEmojiNeutral: true}

// clip escapes text and cuts it to n columns.
func clip(text string, n int) string { return cut(visible(text), n) }

// cut cuts visible text to n columns; 0 is no bound.
func cut(text string, n int) string {
	if n <= 0 || len(text) <= n || cells.StringWidth(text) <= n {
		return text
	}
	return cells.Truncate(text, n, "…")
}
