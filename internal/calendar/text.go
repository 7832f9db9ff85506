package calendar

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// Text is one text that readers see.
type Text struct {
	Property string // upper case
	Value    string
	HTML     bool
}

// isLink reports whether the property is a link that a reader can follow.
func isLink(key string) bool {
	switch key {
	case "URL", "ATTACH", "CONFERENCE", "SOURCE", "IMAGE", "STRUCTURED-DATA", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL":
		return true
	}
	return false
}

// isShown reports whether any program displays the property.
func isShown(key string) bool {
	switch key {
	case "SUMMARY", "DESCRIPTION", "X-ALT-DESC", "STYLED-DESCRIPTION", "COMMENT", "LOCATION", "CONTACT", "CATEGORIES", "RESOURCES", "NAME",
		"X-WR-CALNAME", "X-WR-CALDESC", "ORGANIZER", "ATTENDEE", "CONFERENCE", "REQUEST-STATUS", "AALARM", "DALARM", "MALARM", "X-APPLE-STRUCTURED-LOCATION":
		return true
	}
	return false
}

// appendTexts appends the visible texts of a property.
func appendTexts(out []Text, p *Property) []Text {
	if !isShown(p.Key) {
		return out
	}
	add := func(value string, html bool) {
		if strings.TrimSpace(value) != "" {
			out = append(out, Text{Property: p.Key, Value: value, HTML: html})
		}
	}
	switch p.Key {
	case "ORGANIZER", "ATTENDEE":
		add(p.Param("CN"), false)
	case "CONFERENCE":
		add(p.Param("LABEL"), false)
	case "X-APPLE-STRUCTURED-LOCATION":
		add(p.Param("X-TITLE"), false)
	default:
		// RFC 9073, Section 6.5, and Outlook: the format is in FMTTYPE; without it, some
		// programs still show HTML.
		add(p.Value, strings.EqualFold(p.Param("FMTTYPE"), "text/html") || p.Key == "X-ALT-DESC" && strings.Contains(p.Value, "<"))
	}
	if html, ok := dataHTML(p.Param("ALTREP")); ok {
		add(html, true)
	}
	return out
}

// dataHTML returns the page in a "data:" URI, which some programs show instead of the
// description. RFC 5545, Section 3.2.1; RFC 2397.
func dataHTML(uri string) (string, bool) {
	rest, ok := strings.CutPrefix(uri, "data:text/html")
	if !ok {
		return "", false
	}
	params, data, ok := strings.Cut(rest, ",")
	if !ok {
		return "", false
	}
	if text, err := url.PathUnescape(data); err == nil {
		data = text
	}
	if strings.HasSuffix(params, ";base64") {
		raw, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			return "", false
		}
		data = string(raw)
	}
	return strings.ToValidUTF8(data, "\ufffd"), true
}
