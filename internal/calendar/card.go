package calendar

import "strings"

// maxCards bounds the parsed cards of one text.
const maxCards = 50

// Card is one business card. RFC 6350.
type Card struct {
	Name  string   // FN, or N
	Texts []Text   // all text that readers see
	Links []string // properties that are URIs: URL, SOURCE, KEY and the like
}

// ReadCards returns the cards in a text. cut reports whether content exceeded the limits.
func ReadCards(text string) (cards []Card, cut bool) {
	var card *Card
	left := 0
	cut = properties(text, func(p Property) {
		switch {
		case p.Key == "BEGIN" && strings.EqualFold(p.Value, "VCARD"):
			if card = nil; len(cards) == maxCards {
				cut = true
				return
			}
			cards = append(cards, Card{})
			card, left = &cards[len(cards)-1], maxProperties
		case card == nil:
		case p.Key == "END" && strings.EqualFold(p.Value, "VCARD"):
			card = nil
		case left == 0:
			cut = true
		default:
			left--
			card.take(&p)
		}
	}) || cut
	return cards, cut
}

// take keeps one property. RFC 6350, Section 3.3: a group may precede its name.
func (c *Card) take(p *Property) {
	if _, key, ok := strings.Cut(p.Key, "."); ok {
		p.Key = key
	}
	value := p.Value
	if isStructured(p.Key) {
		value = strings.TrimSpace(strings.Join(strings.FieldsFunc(value, func(c rune) bool { return c == ';' }), " "))
	}
	switch p.Key {
	case "FN":
		c.Name = value
	case "N":
		if c.Name == "" {
			c.Name = value
		}
	case "URL", "SOURCE", "KEY", "SOUND", "PHOTO", "LOGO", "CALURI", "FBURL", "CALADRURI", "IMPP", "X-SOCIALPROFILE":
		if strings.Contains(value, ":") && p.Param("ENCODING") == "" || p.Key == "URL" {
			c.Links = append(c.Links, value)
		}
		return
	case "NICKNAME", "NOTE", "ORG", "TITLE", "ROLE", "ADR", "LABEL", "TEL", "EMAIL", "CATEGORIES", "MAILER", "X-ABLABEL":
	default:
		return
	}
	if value != "" {
		c.Texts = append(c.Texts, Text{Property: p.Key, Value: strings.TrimPrefix(value, "tel:")})
	}
}

// isStructured reports whether the value is a list of parts separated by semicolons.
func isStructured(key string) bool { return key == "N" || key == "ADR" || key == "ORG" }
