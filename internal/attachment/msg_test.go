package attachment_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"outrider/internal/attachment"
	"outrider/internal/mailtest"
)

// Messages of Outlook of the suite: bodies and attachments are files of the report.
func TestMessagesOfOutlookAreOpened(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"testMSG.msg":         {"body.rtf"},
		"testMSG_att_msg.msg": {"message 1/body.rtf"},
		"testMSG_chinese.msg": {"body.rtf"},
	}
	seen := 0
	for _, path := range mailtest.Files(t, []string{"conformance/mime_tika", "conformance/att_tika_archives_office"}, ".msg") {
		names := want[filepath.Base(path)]
		if names == nil {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		r := inspect(filepath.Base(path), data)
		for _, name := range names {
			if !slices.ContainsFunc(r.Files, func(f attachment.File) bool { return f.Name == name }) {
				t.Errorf("%s: no %s", path, name)
			}
		}
		for _, f := range r.Files {
			t.Logf("%s: %s %s", filepath.Base(path), f.Name, f.Format)
		}
	}
	if seen < len(want) {
		t.Errorf("%d messages", seen)
	}
}

func TestHTMLInRTFIsAFile(t *testing.T) {
	t.Parallel()
	var page []byte
	see := func(f *attachment.File, b []byte) {
		if f.Name == "body.html" {
			page = bytes.Clone(b)
		}
	}
	data := []byte(`{\rtf1\ansi\fromhtml1 {\*\htmltag64 <html><a href="https://a.example/">}go{\*\htmltag </a></html>}}`)
	attachment.Walk(t.Context(), attachment.Input{Name: "a.rtf", Data: data}, attachment.DefaultLimits(), see)
	if string(page) != `<html><a href="https://a.example/">go</a></html>` {
		t.Errorf("%q", page)
	}
}
