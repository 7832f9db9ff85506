package shortcut_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"outrider/internal/attachment/shortcut"
	"outrider/internal/mailtest"
)

func wide(s string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

var samples = []struct {
	name, format, data, want string
}{
	{"an internet shortcut", "url", "[InternetShortcut]\r\nURL = https://a.example/x?y=z\r\n", "link https://a.example/x?y=z"},
	{"an internet shortcut opens", "url", "[InternetShortcut]\nurl=file://\\\\a.example@80\\x.exe\n", `open file://\\a.example@80\x.exe`},
	{"a working directory on a share", "url", "[InternetShortcut]\nWorkingDirectory=\\\\a.example@ssl@443\\d\n", `working-directory \\a.example@ssl@443\d`},
	{"an icon on a share", "scf", "[Shell]\r\nCommand=2\r\nIconFile=\\\\192.0.2.1\\i.ico\r\n", `icon \\192.0.2.1\i.ico`},
	{"UTF-16", "url", wide("[InternetShortcut]\r\nURL=https://ä.example/\r\n"), "link https://ä.example/"},
	{"a desktop entry", "desktop", "[Desktop Entry]\nType=Application\nName=Invoice\nExec=sh -c 'id; x=1'\n", "run sh -c 'id; x=1'"},
	{"the name of a desktop entry", "desktop", "[Desktop Entry]\nName=Invoice\n", "title Invoice"},
	{"settings of a folder", "desktop-ini", "[.ShellClassInfo]\nIconResource=\\\\a.example\\i,0", `icon \\a.example\i,0`},
	{"a remote desktop", "rdp", "screen mode id:i:2\r\nfull address:s:a.example:3389\r\n", "connect a.example:3389"},
	{"a remote program", "rdp", "remoteapplicationprogram:s:||x=y\nremoteapplicationname:s:AWS Test\n", "run ||x=y"},
	{"drives for a remote desktop", "rdp", "drivestoredirect:s:*\n", "share-drives *"},
	{"a web query", "iqy", "WEB\r\n1\r\nhttp://a.example/q\r\n\r\n", "query http://a.example/q"},
	{"a sheet that runs", "slk", "ID;P\r\nO;E\r\nNN;NAuto_open;ER1C1;KOut;F\r\nC;X1;Y1;EEXEC(\"cmd.exe;;x\")\r\nC;X1;Y2;EHALT()\r\n", `script =EXEC("cmd.exe;x")`},
	{"a sheet that opens", "slk", "ID;P\nNN;NAuto_open;ER1C1\n", "auto-open Auto_open"},
	{"a sheet with an exchange", "slk", "ID;P\nC;X1;Y1;K0;Ecmd|' /c x'!A1\n", "DDE cmd ' /c x'!A1"},
	{"a location of a Mac", "webloc", `<?xml version="1.0" encoding="UTF-8"?><plist><dict><key>URL</key><string>https://a.example/?a&amp;b</string></dict></plist>`, "link https://a.example/?a&b"},
	{"a binary location of a Mac", "webloc", "bplist00\xd1\x01\x02SURL_\x10\x13https://a.example/x\x08\x0b\x0f", "link https://a.example/x"},
	{"a short binary location", "webloc", "bplist00\xd1\x01\x02SURL\x5chttp://a.exa\x08", "link http://a.exa"},
	{"a saved search", "search-ms", `<persistedQuery><query><scope><include path="\\a.example\d"/></scope></query></persistedQuery>`, `search \\a.example\d`},
	{"a library", "library-ms", `<libraryDescription xmlns="x"><searchConnectorDescription><simpleLocation><url>\\a.example\d</url>`, `open-folder \\a.example\d`},
	{"a prefix in a library", "library-ms", `<w:libraryDescription><w:url>\\a.example\d</w:url>`, `link \\a.example\d`},
	{"a connector", "searchconnector-ms", `<searchConnectorDescription><simpleLocation><url>https://a.example/d</url>`, "link https://a.example/d"},
	{"a setting", "settingcontent-ms", `<PCSettings><SearchableContent><ApplicationInformation><DeepLink>%windir%\system32\cmd.exe /c x</DeepLink>`, `run %windir%\system32\cmd.exe /c x`},
	{"an installer", "appinstaller", `<AppInstaller Uri="https://a.example/a.appinstaller"><MainPackage Name="Acme" Uri="https://a.example/a.msix"/>`, "install https://a.example/a.msix"},
	{"a manifest", "clickonce", `<asmv1:assembly><deployment><deploymentProvider codebase="https://a.example/a.application"/>`, "install https://a.example/a.application"},
	{"a Java start", "jnlp", `<jnlp codebase="https://a.example/" href="a.jnlp"><resources><jar href="a.jar"/>`, "link https://a.example/"},
	{"a console", "msc", `<MMC_ConsoleFile><StringTable><String ID="1">Favorites</String><String ID="2">res://apds.dll/redirect.html?target=x</String>`, "open res://apds.dll/redirect.html?target=x"},
	{"a task of a console", "msc", `<Task Type="CommandLine" Command="cmd.exe"><CommandLine Params="/c x"/>`, "run cmd.exe"},
	{"a foreign character set", "jnlp", `<?xml version="1.0" encoding="utf-16"?><jnlp codebase="https://a.example/"/>`, "link https://a.example/"},
	{"broken XML", "jnlp", `<jnlp codebase="https://a.example/"><`, "note broken"},
}

func describe(f *shortcut.File) []string {
	out := []string{"title " + f.Title}
	for _, l := range f.Links {
		out = append(out, "link "+l)
	}
	for _, a := range f.Actions {
		out = append(out, a.Kind+" "+a.Target)
	}
	for _, s := range f.Scripts {
		out = append(out, "script "+s)
	}
	for _, n := range f.Notes {
		out = append(out, fmt.Sprintf("note %s", n))
	}
	return out
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, tt := range samples {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := describe(shortcut.Read(tt.format, []byte(tt.data))); !slices.Contains(got, tt.want) {
				t.Errorf("want %q in %q", tt.want, got)
			}
		})
	}
}

func TestEveryFormatHasASample(t *testing.T) {
	t.Parallel()
	for _, format := range shortcut.Formats() {
		found := false
		for _, s := range samples {
			found = found || s.format == format
		}
		if !found {
			t.Errorf("no sample of %s", format)
		}
	}
}

// worst are files of two megabytes that make much work of each byte.
func worst() map[string][2]string {
	return map[string][2]string{
		"keys":     {"url", strings.Repeat("URL=a\n", 2<<20/6)},
		"records":  {"slk", strings.Repeat("C;E;;;E", 2<<20/7)},
		"elements": {"jnlp", strings.Repeat("<a href='b'>", 2<<20/12)},
		"opens":    {"library-ms", strings.Repeat("<", 2<<20)},
		"strings":  {"webloc", "bplist" + strings.Repeat("\x5f\x11\xff\xff://", 2<<20/7)},
	}
}

func TestReadInTime(t *testing.T) {
	t.Parallel()
	for name, w := range worst() {
		var f *shortcut.File
		took := mailtest.Spent(t, func() { f = shortcut.Read(w[0], []byte(w[1])) })
		if took > 2*time.Second || !slices.Contains(f.Notes, shortcut.OverLimit) {
			t.Errorf("%s: %v, notes %v", name, took, f.Notes)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range samples {
		f.Add(s.format, []byte(s.data))
	}
	f.Fuzz(func(t *testing.T, format string, data []byte) {
		sum := 0
		for _, s := range describe(shortcut.Read(format, data)) {
			sum += len(s)
		}
		if sum > 200*(len(data)+10) {
			t.Errorf("%d bytes from %d", sum, len(data))
		}
	})
}
