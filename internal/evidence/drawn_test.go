package evidence_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"outrider/internal/evidence"
	"outrider/internal/mailtest"
	"outrider/internal/observable"
)

const lure = "https://login.moss.example/c?id=17"

// modules encodes a text as a QR code, with its margin.
func modules(tb testing.TB, text string) [][]bool {
	tb.Helper()
	m, err := qrcode.NewQRCodeWriter().Encode(text, gozxing.BarcodeFormat_QR_CODE, 1, 1, nil)
	if err != nil {
		tb.Fatal(err)
	}
	grid := make([][]bool, m.GetHeight())
	for y := range grid {
		for x := range m.GetWidth() {
			grid[y] = append(grid[y], m.Get(x, y))
		}
	}
	return grid
}

// cells writes a table, with one way of writing for dark cells and one for light ones.
func cells(grid [][]bool, dark, light string) string {
	var b strings.Builder
	b.WriteString("<table cellspacing=0>")
	for _, row := range grid {
		b.WriteString("<tr>")
		for _, d := range row {
			if d {
				b.WriteString(dark)
			} else {
				b.WriteString(light)
			}
		}
		b.WriteString("</tr>\n")
	}
	return b.String() + "</table>"
}

// runs writes a table whose cells are as wide as the run of modules.
func runs(grid [][]bool) string {
	var b strings.Builder
	b.WriteString("<table>")
	for _, row := range grid {
		b.WriteString("<tr>")
		for x := 0; x < len(row); {
			n := 1
			for x+n < len(row) && row[x+n] == row[x] {
				n++
			}
			fmt.Fprintf(&b, "<td colspan=%d style='background:%s'></td>", n, map[bool]string{true: "#123", false: "#fff"}[row[x]])
			x += n
		}
		b.WriteString("</tr>")
	}
	return b.String() + "</table>"
}

// lines writes a code with characters, one line of text for one or two lines of modules.
func lines(grid [][]bool, half bool, blank, end string) string {
	var b strings.Builder
	at := func(y, x int) bool { return y < len(grid) && grid[y][x] }
	for y := 0; y < len(grid); y++ {
		for x := range grid[y] {
			switch top, bottom := at(y, x), half && at(y+1, x) || !half && at(y, x); {
			case top && bottom:
				b.WriteString("█")
			case top:
				b.WriteString("▀")
			case bottom:
				b.WriteString("▄")
			default:
				b.WriteString(blank)
			}
			if !half {
				c := blank
				if at(y, x) {
					c = "█"
				}
				b.WriteString(c)
			}
		}
		b.WriteString(end)
		if half {
			y++
		}
	}
	return b.String()
}

func TestCodesThatTheBodyDrawsAreLinks(t *testing.T) {
	t.Parallel()
	grid := modules(t, lure)
	const html, plain = "text/html", "text/plain"
	for _, test := range []struct{ name, kind, body string }{
		{"bgcolor", html, "<p>Scan this</p>" + cells(grid, "<td bgcolor=#000000 width=4></td>", "<td bgcolor=#ffffff width=4></td>")},
		{"style attributes", html, cells(grid, "<td style='background-color:#202020'></td>", "<td></td>")},
		{"classes", html, "<style>.d{background:navy}.l{background:#eee}</style>" + cells(grid, "<td class=d>", "<td class=l>")},
		{"dark theme", html, cells(grid, "<td style='background:#fff'>", "<td style='background:#000'>")},
		{"runs of modules", html, runs(grid)},
		{"within a table of the layout", html, "<table><tr><td>Hello</td></tr><tr><td>" + cells(grid, "<td bgcolor=black></td>", "<td></td>") + "</td></tr></table>"},
		{"preformatted", html, "<pre>" + lines(grid, true, " ", "\n") + "</pre>"},
		{"number signs", html, "<pre>" + strings.ReplaceAll(lines(grid, false, " ", "\n"), "█", "#") + "</pre>"},
		{"divisions", html, "<div>" + lines(grid, true, "&nbsp;", "</div><div>") + "</div>"},
		{"line breaks", html, "<p>Scan me:<br>" + lines(grid, false, "&nbsp;", "<br>") + "</p>"},
		{"text", plain, "Dear Ann,\n\nscan this:\n\n" + lines(grid, false, " ", "\n") + "\nBye\n"},
		{"half blocks in text", plain, lines(grid, true, " ", "\n")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := of("From: a@b.test\nMIME-Version: 1.0\nContent-Type: " + test.kind + "; charset=utf-8\n\n" + test.body)
			if got := e.Codes(); !slices.Equal(got, []string{lure}) {
				t.Fatalf("codes %q", got)
			}
			led := func(u observable.URL) bool { return u.Raw == lure && u.Place == observable.PlaceCode }
			if !slices.ContainsFunc(e.Links(), led) {
				t.Errorf("links %v", e.Links())
			}
			m := e.Model()
			if len(m.Body.Links) != 1 || m.Body.Links[0].HrefURL.URL != lure || m.Body.Links[0].Parser != "code" || len(m.Body.CurrentThread.Links) != 1 {
				t.Errorf("links of the model %+v", m.Body.Links)
			}
			if !slices.Equal(m.Outrider.Codes, []string{lure}) {
				t.Errorf("codes of the model %q", m.Outrider.Codes)
			}
		})
	}
}

func TestTablesAndLinesThatDrawNothing(t *testing.T) {
	t.Parallel()
	striped := make([][]bool, 60)
	for y := range striped {
		striped[y] = make([]bool, 30)
		for x := range striped[y] {
			striped[y][x] = y%2 == 0
		}
	}
	for name, text := range map[string]string{
		"striped table": "Content-Type: text/html\n\n" + cells(striped, "<td bgcolor=#dddddd>1</td>", "<td>2</td>"),
		"rulers":        "Content-Type: text/plain; charset=utf-8\n\n" + strings.Repeat("##########\nchapter\n██████\n", 40),
		"small table":   "Content-Type: text/html\n\n" + cells(striped[:20], "<td bgcolor=black></td>", "<td></td>"),
	} {
		if e := of("From: a@b.test\nMIME-Version: 1.0\n" + text); len(e.Codes()) != 0 || len(e.Links()) != 0 {
			t.Errorf("%s: codes %q", name, e.Codes())
		}
	}
}

// TestNoiseInCellsIsCheap holds what looking for codes may cost where there are none.
func TestNoiseInCellsIsCheap(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([][]bool, 250)
	for y := range noise {
		noise[y] = make([]bool, 250)
		for x := range noise[y] {
			noise[y][x] = r.IntN(2) == 0
		}
	}
	table := cells(noise, "<td bgcolor=black>", "<td>")
	for name, e := range map[string]*evidence.Evidence{
		"tables": of("From: a@b.test\nContent-Type: text/html\n\n" + strings.Repeat(table, 3)),
		"lines":  of("From: a@b.test\nContent-Type: text/plain; charset=utf-8\n\n" + strings.Repeat(lines(noise, false, " ", "\n"), 20)),
	} {
		var codes []string
		took := mailtest.Spent(t, func() { codes = e.Codes() })
		t.Logf("%s: %v", name, took)
		if len(codes) != 0 {
			t.Errorf("%s: codes %q", name, codes)
		}
		if took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}
