package signal

import (
	"unicode"

	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// obfuscatedText finds text made unreadable to machines: letters of several alphabets in a
// word, mathematical letters, stacked marks on Latin letters, invisible characters inside
// words. Names with accents and emoji pass.
func obfuscatedText() Signal {
	return Signal{
		ID: "obfuscated-text", Name: "Text made unreadable for machines", Class: verdict.ClassSpam, Weight: 3, Since: "0.1",
		Why: "The text is written to get past filters: %s.",
		Find: func(e *evidence.Evidence) []Match {
			for _, s := range []struct{ text, field string }{{e.Subject(), "Subject"}, {e.Author().Name, "From"}} {
				if how := obfuscation(s.text, 2); how != "" {
					return one(Match{Portion: verdict.PortionHeader, Field: s.field, Value: s.text, Args: []any{how}, Times: 1.3})
				}
			}
			text := e.Current()
			if how := obfuscation(text[:min(len(text), 20_000)], 6); how != "" {
				return one(Match{Portion: verdict.PortionBody, Value: text[:min(len(text), 60)], Args: []any{how}})
			}
			for _, page := range e.Pages() {
				if page.ZeroWidth >= 6 {
					return one(Match{Portion: verdict.PortionBody, Value: page.Shown[:min(len(page.Shown), 60)], Args: []any{"there are invisible characters inside words"}})
				}
			}
			return nil
		},
	}
}

// obfuscation returns the technique that the text uses at least enough times, or "".
func obfuscation(s string, enough int) string {
	if isASCII(s) {
		return ""
	}
	var c trickCounter
	for _, r := range s {
		c.add(r)
	}
	switch {
	case c.styled >= 3*enough:
		return "mathematical symbols replace plain letters"
	case c.marks >= enough:
		return "marks are piled on the letters"
	case c.hidden >= enough:
		return "there are invisible characters inside words"
	case c.mixed >= enough/2:
		return "one word mixes letters of several alphabets"
	}
	return ""
}

// trickCounter counts techniques character by character.
type trickCounter struct {
	styled, marks, hidden, mixed int

	latin, other bool // letters of the word so far
	counted      bool // the word was counted as mixed
	pending      int  // invisible characters after a letter
	last         rune
}

func (c *trickCounter) add(r rune) {
	switch {
	case r >= 0x1D400 && r <= 0x1D7FF, r >= 0x1F130 && r <= 0x1F189, r >= 0x24B6 && r <= 0x24E9, r >= 0xFF21 && r <= 0xFF5A:
		c.styled++
	case unicode.Is(unicode.Mn, r):
		// Marks without a composed form for the Latin letter: no language writes them.
		if c.last < 0x80 && unicode.IsLetter(c.last) && (r < 0x300 || r > 0x32F) && (r < 0xFE00 || r > 0xFE0F) {
			c.marks++
		}
	case observable.IsInvisible(r):
		if unicode.IsLetter(c.last) && r != 0x200C && r != 0x200D && r != 0xAD {
			c.pending++
		}
		return // last stays, so that the next letter completes it
	case unicode.IsLetter(r):
		c.letter(r)
	default:
		c.latin, c.other, c.counted, c.pending = false, false, false, 0
	}
	c.last = r
}

func (c *trickCounter) letter(r rune) {
	c.hidden += c.pending
	c.pending = 0
	switch {
	case unicode.Is(unicode.Latin, r):
		c.latin = true
	case unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee) && r != 'μ':
		c.other = true
	}
	if c.latin && c.other && !c.counted {
		c.mixed++
		c.counted = true
	}
}
