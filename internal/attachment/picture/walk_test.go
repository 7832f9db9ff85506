package picture_test

import (
	"fmt"
	"strings"
	"testing"

	"outrider/internal/attachment/picture"
)

func TestChunks(t *testing.T) {
	t.Parallel()
	const magic, text, end = "\x89PNG\r\n\x1a\n", "\x00\x00\x00\x02tEXtabCRC.", "\x00\x00\x00\x00IENDCRC."
	for name, tc := range map[string]struct {
		data string
		stop string // the chunk after which nothing more is wanted
		want string
	}{
		"whole":              {magic + text + end, "", "tEXt=ab IEND= true"},
		"stopped":            {magic + text + end, "tEXt", "tEXt=ab true"},
		"behind the end":     {magic + end + text, "", "IEND= tEXt=ab true"},
		"cut in a chunk":     {magic + text[:13], "", "false"},
		"cut in the header":  {magic + text + end[:11], "", "tEXt=ab true"},
		"longer than can be": {magic + text + "\xff\xff\xff\xffIDATCRC.", "", "tEXt=ab false"},
		"nothing":            {"", "", "true"},
	} {
		var got []string
		whole := picture.Chunks([]byte(tc.data), func(kind string, body []byte) bool {
			got = append(got, kind+"="+string(body))
			return kind != tc.stop
		})
		if s := strings.Join(append(got, fmt.Sprint(whole)), " "); s != tc.want {
			t.Errorf("%s: %s, want %s", name, s, tc.want)
		}
	}
}

func TestSegments(t *testing.T) {
	t.Parallel()
	const soi, comment, scan = "\xff\xd8", "\xff\xfe\x00\x04ab", "\xff\xda\x00\x03x"
	for name, tc := range map[string]struct{ data, want string }{
		"to the pixels":         {soi + comment + scan + "pixels\xff\xd9", `fe="ab" da="x" 13 true`},
		"fill bytes":            {soi + "\xff\xff" + comment + "\xff\xd9..", `fe="ab" 10 true`},
		"to what is no segment": {soi + comment + "junk", `fe="ab" 8 true`},
		"longer than can be":    {soi + "\xff\xfe\xff\xffab", "2 false"},
		"shorter than can be":   {soi + "\xff\xfe\x00\x01ab", "2 false"},
		"a scan that is cut":    {soi + comment + "\xff\xda\x00\x09x", `fe="ab" 8 true`},
		"nothing":               {"", "2 true"},
	} {
		var got []string
		end, whole := picture.Segments([]byte(tc.data), func(kind byte, body []byte) {
			got = append(got, fmt.Sprintf("%x=%q", kind, body))
		})
		if s := strings.Join(append(got, fmt.Sprint(end, whole)), " "); s != tc.want {
			t.Errorf("%s: %s, want %s", name, s, tc.want)
		}
	}
}
