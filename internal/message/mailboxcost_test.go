package message

import (
	"runtime"
	"strings"
	"testing"
)

// TestManyWordsCostLittle holds the memory of fields with more words than any name has. It
// runs alone, since it counts what the process allocates.
func TestManyWordsCostLittle(t *testing.T) { //nolint:paralleltest // counts allocations
	for name, value := range map[string]string{
		"quoted pairs": strings.Repeat(`"\"`, 100_000),
		"empty quotes": strings.Repeat(`""`, 150_000),
		"words":        strings.Repeat("a ", 150_000),
		"addresses":    strings.Repeat("a@b ", 75_000),
		"ats":          strings.Repeat(`""@`, 100_000),
		"ats in one":   "<a" + strings.Repeat("@b.test", 40_000) + ">",
		"dots":         "<a@b" + strings.Repeat(" .c", 100_000) + ">",
		"loose dots":   "a@b" + strings.Repeat(" .c", 100_000),
		"comments":     "<a@b" + strings.Repeat("(c)", 100_000) + ".test>",
		"open braces":  "<a@" + strings.Repeat("(", 300_000) + "b.test>",
		"a domain":     "<a@" + strings.Repeat("a.", 150_000) + "test>",
	} {
		raw := []byte("From: " + value + "\r\n\r\n")
		m := Parse(raw, nil)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		boxes := m.Header().Mailboxes("From")
		runtime.ReadMemStats(&after)
		const most = 4 << 20 // five readers a judgement
		if n := after.TotalAlloc - before.TotalAlloc; n > most || len(boxes) > MaxMailboxes {
			t.Errorf("%s: %d KiB for %d addresses", name, n>>10, len(boxes))
		}
	}
}

func TestAddressBehindManyWordsIsFound(t *testing.T) {
	t.Parallel()
	for _, tail := range []string{" <ann@a.test>", " ann@a.test", ` "ann"@a.test`} {
		boxes := ParseMailboxes(strings.Repeat("word ", 3*maxWords) + tail)
		if len(boxes) != 1 || boxes[0].Domain != "a.test" || boxes[0].Local != "ann" {
			t.Errorf("%s: %d addresses, %.60q", tail, len(boxes), boxes)
		}
	}
}
