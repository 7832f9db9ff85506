package markup_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"outrider/internal/budget"
	"outrider/internal/mailtest"
	"outrider/internal/markup"
)

// The worst documents of their kind. The steps are counted; the clock, which parsing
// by x/net/html needs, is generous.
func TestHostileDocumentsTakeLinearTime(t *testing.T) {
	t.Parallel()
	const size, perByte, most = 1 << 20, 40, 8 * time.Second
	numbered := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	times := func(s string) string { return strings.Repeat(s, size/len(s)) }
	half := func(a, b string) string { return times(a)[:size/2/len(a)*len(a)] + times(b)[:size/2/len(b)*len(b)] }
	for name, doc := range map[string]string{
		"formatting, then paragraphs": numbered("<b id=%d>")[:size/2] + times("<p>x")[:size/2],
		"formatting in tables":        times("<table><b><tr>a"),
		"deep":                        times("<div>"),
		"deep custom":                 times("<x>"),
		"anchors":                     times("<a href=x>a"),
		"stray ends between texts":    times("a</x>"),
		"text in a table":             "<table>" + times("a<tr>"),
		"text in a select":            "<select>" + times("a<b>"),
		"bodies":                      numbered("<body a%d=1>"),
		"attributes":                  "<b " + numbered("a%d ") + "><b " + numbered("a%d "),
		"rules":                       "<style>" + numbered(".a b#c%d i .d{color:red}") + "</style>" + times("<p class='a d'>x"),
		"rules for every element":     "<style>" + numbered("[a%d]{color:red}")[:size/2] + "</style>" + times("<p>")[:size/2],
		"imports":                     "<style>" + times("@import;"),
		"urls":                        "<style>" + times("url(") + "@import",
		"open comments":               "<style>" + times("/*"),
		"braces":                      "<style>" + times("@media{"),
		"parentheses":                 `<p style="` + times("a:(") + `">`,
		"conditional comments":        times("<!--[if mso]>"),
		"nested documents":            times("<iframe srcdoc='<iframe srcdoc=x>'>"),
		"hidden letters":              times("<i hidden>a</i>"),
		"quotes in a script":          "<script>" + times(`"'`),
		"classes":                     "<style>.z{color:red}</style>" + times("<p class='"+strings.Repeat("z ", 5000)+"'>"),
		"selectors of many levels":    half("<div><p>", "<style>div div div div p > b > i{color:red}</style>"),
		"entities":                    times("&"),
		"candidates":                  "<img srcset='" + times(",a ") + "'>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc = doc[:min(len(doc), 2*size)]
			var d *markup.Document
			took := mailtest.Spent(t, func() { d = parse(doc) })
			if took > most {
				t.Errorf("took %v, tolerated %v", took, d.Tolerated)
			}
			if d.Work() > perByte*len(doc) {
				t.Errorf("%d steps for %d bytes", d.Work(), len(doc))
			}
		})
	}
}

// TestWhatIsLeftOutIsRecordedInTheBudget: a verdict must not hide that links, styles or
// hidden text were dropped.
func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestWhatIsLeftOutIsRecordedInTheBudget(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, doc string
		want      []budget.Resource
	}{
		{"few links", strings.Repeat("<a href='https://a.test/'>x</a>", 2000), nil},
		{"many links", strings.Repeat("<a href='https://a.test/'>x</a>", 2001), []budget.Resource{budget.URLs}},
		{"candidates of one srcset", "<img srcset='" + strings.Repeat("https://a.test/ 1x, ", 60) + "'>", []budget.Resource{budget.URLs}},
		{"many attributes", strings.Repeat("<b>", 100) + "<p " + numbered("a%d=b ", 200) + ">", []budget.Resource{budget.HTMLDetails}},
		{"long style sheet", "<style>" + strings.Repeat("p{color:red}", 50_000) + "</style>", []budget.Resource{budget.HTMLDetails}},
		{"much hidden text", "<p hidden>" + strings.Repeat("word ", 20_000), []budget.Resource{budget.HTMLDetails}},
		{"many forms", strings.Repeat("<form>", 20) + strings.Repeat("<form></form>", 101), []budget.Resource{budget.HTMLDetails}},
		{"many fields", "<form>" + strings.Repeat("<input>", 101), []budget.Resource{budget.HTMLDetails}},
		{"much for Outlook", "<!--[if mso]><p>" + strings.Repeat("word ", 40_000) + "<![endif]-->", []budget.Resource{budget.HTMLDetails}},
		{"many drawings", strings.Repeat("<table>"+strings.Repeat("<tr><td bgcolor=black>"+strings.Repeat("<td>", 21), 21)+"</table>", 7), []budget.Resource{budget.HTMLDetails}},
		{"long target", "<a href='https://a.test/" + strings.Repeat("a", 1<<20) + "'>x</a>", []budget.Resource{budget.URLs}},
		{"long picture", "<img src='data:image/png;base64," + strings.Repeat("a", 1<<20) + "'>", nil},
		{"long script", "<script>" + strings.Repeat("a();", 100_000) + "</script>", []budget.Resource{budget.HTMLDetails}},
	} {
		b := budget.New(budget.Default())
		d := markup.Parse(test.doc, b)
		if got := b.Exceeded(); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, tolerated %v", test.name, got, d.Tolerated)
		}
	}
}
