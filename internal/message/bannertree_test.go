package message_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"outrider/internal/message"
)

// pagePieces are what pages are made of that open, close and hide.
var pagePieces = []string{
	"<html>", "<html style=opacity:0>", "</html>", "<head>", "</head>", "<body>", `<body style="display:none" class='a>b'>`, "</body>", "<title>", "</title>", "<style>", "</style>",
	"<script>", "</script>", "<script><!--<script>", "<!--", "-->", "--!>", "<!-->", "<!", ">", "<?", "<!DOCTYPE html>", "<![CDATA[", "]]>", "<meta charset=utf-8>", `<meta http-equiv=refresh content=1>`,
	"<base href=x>", "<link rel=x>", "<template>", "</template>", "<noscript>", "</noscript>", "<textarea>", "</textarea>", "<plaintext>", "<svg>", "</svg>", "<math>", "<mi>", "<foreignObject>", "<desc>",
	"<table>", "<tr>", "<td>", "</table>", "<select>", "<option>", "</select>", "<frameset>", "<frame>", "</frameset>", "<noframes>", "<p>", "</p>", "<b>", "<a href=x>", "</a>", "<div>", "</div>", "</outrider>",
	"<form>", "<button>", "<li>", "<dd>", "<h1>", "<br>", "</br>", "<img>", "<input type=hidden>", "<iframe>", "</iframe>", "text", " ", "\n", "\x00", "&lt;", `"`, "'", "=", "<a b==\">", "<x/>", "<", "</", "</ x>",
}

// TestBannerIsFirstInEveryTree proves for any page that a body contains only the banner and
// the element around the sender's content, so that no content of the sender is above,
// around or beside them.
func TestBannerIsFirstInEveryTree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		page := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pagePieces), 0, 14).Draw(rt, "page"), "")
		delivered := withBanner(t, page, &message.Banner{HTML: "MARK"})
		doc, err := html.ParseWithOptions(strings.NewReader(delivered), html.ParseOptionEnableScripting(false))
		if err != nil {
			rt.Fatal(err)
		}
		if got := strings.Join(bodyOutline(doc), " "); got != "div outrider" {
			rt.Errorf("%q: the body has %q in %q", page, got, delivered)
		}
	})
}

// bodyOutline lists what the body of a document shows, with "outrider" for the element around
// the content.
func bodyOutline(doc *html.Node) []string {
	var out []string
	for n := range doc.Descendants() {
		if n.Parent == nil || n.Parent.Type != html.ElementNode || n.Parent.Data != "body" || n.Parent.Parent == nil || n.Parent.Parent.Parent != doc {
			continue
		}
		switch {
		case n.Type == html.ElementNode && strings.HasPrefix(n.Data, "outrider-"):
			out = append(out, "outrider")
		case n.Type == html.ElementNode:
			out = append(out, n.Data)
		case n.Type == html.TextNode && strings.TrimSpace(n.Data) != "":
			out = append(out, "text")
		}
	}
	return out
}
