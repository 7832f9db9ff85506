package app

import (
	"bytes"
	"strings"
	"testing"
)

// rows prints a table of messages at a width.
func rows(t *testing.T, s screen, stream bool) string {
	t.Helper()
	var out bytes.Buffer
	c := &cli{out: &out, screen: s}
	cols := []column{{title: "ID", width: 8}, {title: "SCORE", width: 5, right: true}, {title: "FROM", width: 20, min: 10}, {title: "EMPTY", min: 5}, {title: "SUBJECT", width: 20, min: 10}}
	table := c.newTable(cols...)
	if stream {
		table = c.newStream(cols...)
	}
	for _, row := range [][]cell{
		{{text: "aaaaaaaa"}, {text: "0.50"}, {text: "somebody.with.a.long.name@sender.example"}, {}, {text: "Hello\x1b[2J\n世界世界世界世界世界世界"}},
		{{text: "bbbbbbbb"}, {"1.00", alarm}, {text: "x@y.example"}, {}, {text: "short"}},
	} {
		if err := table.add(row...); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.note("a note of some length that a narrow terminal has no room for at all", red); err != nil {
		t.Fatal(err)
	}
	if err := table.flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTablesFitTheTerminal(t *testing.T) {
	t.Parallel()
	for _, width := range []int{40, 60, 80, 120, 200} {
		for _, stream := range []bool{false, true} {
			out := rows(t, screen{width: width}, stream)
			for line := range strings.Lines(out) {
				if n := cells.StringWidth(strings.TrimSuffix(line, "\n")); n > width {
					t.Errorf("width %d: a line has %d columns: %q", width, n, line)
				}
			}
			for _, want := range []string{"aaaaaaaa", "bbbbbbbb", "0.50", "x@y.example"} {
				if !strings.Contains(out, want) {
					t.Errorf("width %d: %q is missing in\n%s", width, want, out)
				}
			}
			if strings.ContainsAny(out, "\x1b\r\x07") {
				t.Errorf("width %d: the terminal would obey %q", width, out)
			}
		}
	}
}

func TestNothingIsCutWhereOutputIsNoTerminal(t *testing.T) {
	t.Parallel()
	want := `ID        SCORE  FROM                                      SUBJECT
aaaaaaaa   0.50  somebody.with.a.long.name@sender.example  Hello\x1b[2J\n世界世界世界世界世界世界
bbbbbbbb   1.00  x@y.example                               short
    a note of some length that a narrow terminal has no room for at all
`
	if got := rows(t, screen{}, false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestColumnsThatDoNotFitGoToAnotherLine(t *testing.T) {
	t.Parallel()
	want := `ID        SCORE  FROM
    SUBJECT
aaaaaaaa   0.50  somebody.wit…
    Hello\x1b[2J\n世界世界世…
bbbbbbbb   1.00  x@y.example
    short
    a note of some length tha…
`
	if got := rows(t, screen{width: 30}, false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestColours(t *testing.T) {
	t.Parallel()
	if out := rows(t, screen{color: true}, false); !strings.Contains(out, "\x1b[1;31m1.00\x1b[0m") || !strings.Contains(out, "\x1b[1mID\x1b[0m") {
		t.Errorf("got %q", out)
	}
	if s := screenOf(&bytes.Buffer{}, "always"); !s.color || s.width != 0 {
		t.Errorf("always: %+v", s)
	}
	if s := screenOf(&bytes.Buffer{}, "auto"); s.color {
		t.Error("colours are on where output is no terminal")
	}
}

func TestHostileTextIsEscaped(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain ä 世界":            "plain ä 世界",
		"a\x1b[31mb\r\nc":       `a\x1b[31mb\r\nc`,
		"gpj.\u202eexe":         `gpj.\u202eexe`,
		"pay\u200bpal\u00ad":    `pay\u200bpal\u00ad`,
		"x\u009bJ\u2028y\u2066": `x\u009bJ\u2028y\u2066`,
		"bad \xff\xfe":          `bad \xff\xfe`,
		"می\u200cخواهم":         "می\u200cخواهم",
		"tag\U000E0041":         `tag\U000e0041`,
	} {
		if got := visible(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	if got := clip("abcdef", 4); got != "abc…" {
		t.Errorf("got %q", got)
	}
	if got := clip("世界世界", 5); got != "世界…" {
		t.Errorf("got %q", got)
	}
}
