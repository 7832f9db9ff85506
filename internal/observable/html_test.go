package observable_test

import (
	"strings"
	"testing"

	"outrider/internal/budget"
	"outrider/internal/observable"
)

func read(doc string) *observable.HTML { return observable.ReadHTML(doc, budget.New(budget.Default())) }

func TestReadHTMLSeparatesWhatIsSeen(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, doc, visible, hidden string }{
		{"display", `<p>a</p><div style="display: none">b<b>c</b></div>d`, "a d", "bc"},
		{"visibility", `a<span style="visibility:hidden !important">b</span>`, "a", "b"},
		{"font size", `a<span style="font-size:0">b</span><span style="FONT-SIZE:1px">c</span><span style="font-size:10px">d</span>`, "ad", "bc"},
		{"opacity", `a<i style="opacity:0.0">b</i><i style="opacity:.5">c</i>`, "ac", "b"},
		{"colour", `<body bgcolor="#FFFFFF">a<font color="white">b</font><font color="red">c</font></body>`, "ac", "b"},
		{"attribute", `a<p hidden>b</p>c`, "a c", "b"},
		{"an element that was never closed", `a<div style="display:none"><p>b<p>c</div>d`, "a d", "bc"},
		{"a letter in the middle of a word", `Pay<b></b>Pal`, "PayPal", ""},
		{"scripts and styles", `a<script>b</script><style>c</style>d`, "ad", ""},
		{"entities", `a&#8203;b&amp;`, "a\u200bb&", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := read(tt.doc)
			if got := strings.Join(strings.Fields(d.Visible), " "); got != tt.visible {
				t.Errorf("visible %q, want %q", got, tt.visible)
			}
			if d.Hidden != tt.hidden {
				t.Errorf("hidden %q, want %q", d.Hidden, tt.hidden)
			}
		})
	}
}

func TestReadHTMLFindsURLsAndWhereTheyStand(t *testing.T) {
	t.Parallel()
	d := read(`<base href="https://base.test/"><a href="https://a.test/x">show <b>this</b></a><area href="https://area.test/">
		<img src="https://i.test/p.png"><form action="https://f.test/"><input type=password></form><iframe src="https://if.test/"></iframe>
		<meta http-equiv="Refresh" content="0;URL='https://r.test/'"><a href="rel/y">rel</a><script src="https://s.test/s.js"></script>
		<a href="data:text/html,x">d</a><a href="javascript:x()">j</a><a href="mailto:a@b.test">m</a>`)
	var got []string
	for _, u := range d.URLs {
		if u.Host != "" {
			got = append(got, string(u.Place)+":"+u.Host)
		}
	}
	if want := "anchor:a.test anchor:area.test image:i.test form:f.test frame:if.test refresh:r.test anchor:base.test script:s.test"; strings.Join(got, " ") != want {
		t.Errorf("got  %q\nwant %q", strings.Join(got, " "), want)
	}
	if d.URLs[0].Text != "show this" {
		t.Errorf("anchor text %q", d.URLs[0].Text)
	}
	if len(d.Forms) != 1 || !d.Forms[0].Password || d.DataLinks != 2 {
		t.Errorf("forms %+v, data links %d", d.Forms, d.DataLinks)
	}
}

func TestReadHTMLStopsAtTheBudget(t *testing.T) {
	t.Parallel()
	l := budget.Default()
	l.Of[budget.HTMLNodes] = 10
	b := budget.New(l)
	if d := observable.ReadHTML(strings.Repeat("<p>a", 100), b); d.Tokens != 10 || len(b.Exceeded()) != 1 {
		t.Errorf("%d tokens, exceeded %v", d.Tokens, b.Exceeded())
	}
}

// The worst documents of their kind: nothing may look back over what was read. The
// work is counted, since a clock says more about the machine.
func TestReadHTMLIsLinear(t *testing.T) {
	t.Parallel()
	const n, perByte = 1 << 18, 20
	for name, piece := range map[string]string{
		"open elements": `<div style="display:none">`, "closing elements": "</p></div>", "open anchors": `<a href="http://a.test/">a`,
		"closed but never opened": "<b></i></i></i>", "one anchor with long text": "<a href=//a.test>" + strings.Repeat("text ", 200),
		"attributes": `<p a=1 b=2 c=3 style="color:red;color:red">`, "long text": "text ", "comments": "<!-- a -->",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			once, twice := work(piece, n), work(piece, 2*n)
			if once == 0 || once > perByte*n || twice > 2*once+once/8 {
				t.Errorf("%d bytes took %d steps, twice as many took %d", n, once, twice)
			}
		})
	}
}

// work returns what reading about n bytes of the piece takes, with no budget in the way.
func work(piece string, n int) int {
	l := budget.Default()
	l.Of[budget.HTMLNodes], l.Of[budget.URLs] = int64(n), int64(n)
	return observable.ReadHTML(strings.Repeat(piece, n/len(piece)), budget.New(l)).Work
}

func FuzzReadHTML(f *testing.F) {
	for _, s := range []string{
		`<a href=x>`, `<p style="display:none">a</p>b`, `<script>a</scrip`, `<title>a<title>b`, `<base href=//a><a href=b>`, `<a href="http://a.test/">` + strings.Repeat("<b>", 300),
		"<meta http-equiv=refresh content==http://a.test>", "<input type=password><form>", "\xff<a\x00>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := read(s)
		if len(d.Visible) > 4*len(s)+4 || len(d.Hidden) > 4*len(s)+4 || len(d.URLs) > len(s) {
			t.Errorf("%d bytes became %d visible, %d hidden, %d URLs", len(s), len(d.Visible), len(d.Hidden), len(d.URLs))
		}
	})
}
