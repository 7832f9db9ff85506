package message_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"outrider/internal/mailtest"
	"outrider/internal/message"
)

// decodedPart is the file of one decoded part in the suite of mime4j.
var decodedPart = regexp.MustCompile(`^(.*)_decoded_([0-9_]+)\.(txt|bin)$`)

// lostParts are parts that the suite lists and that we read otherwise, with the reason.
var lostParts = map[string]string{
	"hdr-fakeout_decoded_1.txt":                          "a header section that ends nowhere: its text is shown here, and is header there",
	"malformedHeader-noheader_decoded_1.txt":             "a message without header fields: its text is shown here, and is header there",
	"malformedHeaderStartsBody-nocrlfcrlf_decoded_1.txt": "a line that is no field stands between two fields: it is skipped here, and begins the body there",
}

// TestNoPartOfMime4jIsLost looks for every decoded part that the suite lists among the
// parts of the message, in any reading.
func TestNoPartOfMime4jIsLost(t *testing.T) {
	t.Parallel()
	parsed := map[string][][]byte{}
	found, named := 0, map[string]string{}
	for _, file := range mailtest.Files(t, []string{"conformance/mime_mime4j"}, ".txt", ".bin") {
		match := decodedPart.FindStringSubmatch(filepath.Base(file))
		if match == nil {
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		msg := filepath.Join(filepath.Dir(file), match[1]+".msg")
		if parsed[msg] == nil {
			parsed[msg] = contents(t, msg)
		}
		why, diverges := lostParts[filepath.Base(file)]
		has := slices.ContainsFunc(parsed[msg], func(b []byte) bool {
			// More than is listed is not lost: a part may begin earlier here.
			return bytes.Equal(b, normalized(want)) || len(want) > 20 && bytes.Contains(b, normalized(want))
		})
		switch {
		case has && !diverges:
			found++
		case diverges && !has:
			named[filepath.Base(file)] = why
		default:
			t.Errorf("%s: found %v, %d bytes, named %v", filepath.Base(file), has, len(want), diverges)
		}
	}
	t.Logf("%d parts found, %d named divergences", found, len(named))
	for _, n := range slices.Sorted(maps.Keys(named)) {
		t.Logf("%s: %s", n, named[n])
	}
	if found < 160 {
		t.Errorf("%d parts found", found)
	}
}

// contents returns the contents of the parts of a message: decoded, as text in UTF-8, and
// unchanged.
func contents(t *testing.T, file string) [][]byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for _, p := range message.Parse(raw, nil).Parts {
		out = append(out, normalized(p.Decoded()), normalized([]byte(p.Text())), normalized(p.BodyBytes()))
	}
	return out
}

func normalized(b []byte) []byte {
	return bytes.TrimRight(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), " \t\r\n")
}
