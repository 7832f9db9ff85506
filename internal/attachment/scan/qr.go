package scan

import "strings"

// codeKinds map prefixes of a code's text, in lower case, to its purpose.
var codeKinds = [...]struct{ prefix, kind string }{
	{"http://", "url"}, {"https://", "url"}, {"ftp://", "url"}, {"urlto:", "url"},
	{"mailto:", "email"}, {"matmsg:", "email"}, {"smtp:", "email"},
	{"tel:", "mobile"}, {"sms:", "mobile"}, {"smsto:", "mobile"}, {"mmsto:", "mobile"},
	{"market:", "app"}, {"itms:", "app"}, {"itms-apps:", "app"}, {"itms-appss:", "app"}, {"intent:", "app"},
	{"geo:", "geo"}, {"wifi:", "wifi"},
}

// ReadCodes classifies the codes of a picture. Phones also open a host name without a
// scheme, so that counts as an address.
func ReadCodes(codes []string, find Finder, b *Budget) (*QRCode, *QR) {
	all := &QR{Items: []QRCode{}}
	for _, c := range codes {
		if !b.room(len(all.Items), 3) {
			break
		}
		all.Items = append(all.Items, codeOf(c, find, b))
	}
	if all.Found = len(all.Items) > 0; all.Found {
		first := all.Items[0]
		return &first, all
	}
	return &QRCode{}, all
}

func codeOf(text string, find Finder, b *Budget) QRCode {
	kind := codeKind(text, find)
	text = b.Text(text, maxValue)
	out := QRCode{Data: &text, Type: &kind}
	b.take(2 * len(text)) // the result contains it up to three more times
	switch {
	case kind == "url" && len(text) > 6 && strings.EqualFold(text[:6], "urlto:"):
		link := text[6:]
		out.URL = &link
	case kind == "url", kind == "email" && strings.HasPrefix(strings.ToLower(text), "mailto:"):
		out.URL = &text
	}
	return out
}

func codeKind(text string, find Finder) string {
	lower := strings.ToLower(strings.TrimSpace(text[:min(len(text), 100)]))
	for _, k := range codeKinds {
		if strings.HasPrefix(lower, k.prefix) {
			return k.kind
		}
	}
	if found := find(text); len(found) > 0 && strings.TrimSpace(text) == found[0] && !strings.ContainsAny(text, " \n@") {
		return "url"
	}
	return "undefined"
}
