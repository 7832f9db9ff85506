package attachment

import (
	"regexp"
	"strings"

	"outrider/internal/attachment/lnk"
	"outrider/internal/attachment/ooxml"
	"outrider/internal/attachment/shortcut"
	"outrider/internal/budget"
	"outrider/internal/observable"
)

// openLink reads a Windows shortcut: its target is an action, and appended data a file.
func openLink(i *inspector, n *node) {
	l := lnk.Read(n.data)
	d := newDocument(l.Target(), "", "", l.Description)
	if command := l.CommandLine(); command != "" {
		d.action("run", command)
		d.links(commandURLs(command)...)
	}
	for _, fact := range [...]struct{ kind, value string }{
		{"icon", l.Icon}, {"working-directory", l.WorkingDir}, {"hotkey", l.Hotkey}, {"machine", l.Machine}, {"mac", l.MAC},
	} {
		if fact.value != "" {
			d.note(fact.kind + " " + fact.value)
		}
	}
	if l.Show != "" {
		d.note("show " + l.Show)
	}
	for _, note := range l.Notes {
		d.note(string(note))
	}
	i.file(n.id).Document = d
	i.explode.link(n, l)
	if len(l.Overlay) > 0 {
		i.embedded(n.id, "overlay", l.Overlay)
	}
}

// openShortcut reads small files that only name a target to open or start.
func openShortcut(i *inspector, n *node) {
	s := shortcut.Read(i.file(n.id).Format, n.data)
	d := newDocument(s.Title, "", "", "")
	d.links(s.Links...)
	for _, a := range s.Actions {
		d.action(a.Kind, a.Target)
		d.links(commandURLs(a.Target)...)
	}
	d.scripts(s.Scripts...)
	for _, note := range s.Notes {
		d.note(string(note))
	}
	i.file(n.id).Document = d
}

// commandURLs returns the addresses in a command line, also after removing shell escapes:
// the caret of cmd and the backtick of PowerShell.
func commandURLs(command string) []string {
	var out []string
	seen := map[string]bool{}
	for _, line := range []string{command, strings.NewReplacer("^", "", "`", "", `"+"`, "", `'+'`, "").Replace(command)} {
		for _, u := range observable.TextURLs(line, budget.New(budget.Default())) {
			if !seen[u.Raw] && u.IsLink() {
				seen[u.Raw] = true
				out = append(out, u.Raw)
			}
		}
		for _, share := range shares.FindAllString(line, maxDocumentItems) {
			if !seen[share] {
				seen[share] = true
				out = append(out, share)
			}
		}
	}
	return out
}

// shares matches a path on a share, which Windows fetches from a stranger's server.
var shares = regexp.MustCompile(`\\\\[A-Za-z0-9.-]{2,}(?:@[A-Za-z0-9@]*)?\\[^\s"'<>|,;]+`)

// shortcutKind identifies the text of a shortcut, given in lower case, by a line unique to
// its kind, or by the root of its XML.
func shortcutKind(text string) (format, mime string) {
	start := strings.TrimLeft(text, " \t\r\n\f\x00")
	root := rootElement(start)
	if f := ooxml.FlavourOf(root, start); f != ooxml.NoFlavour {
		return string(f), "text/xml"
	}
	for _, m := range shortcutMarks {
		line := m.root == "" && (strings.HasPrefix(start, m.mark) || strings.Contains(start, "\n"+m.mark))
		if line || m.root != "" && m.root == root && strings.Contains(start, m.mark) {
			return m.format, m.mime
		}
	}
	return "", ""
}

// rootElement returns the name of the first element without its prefix, or "".
func rootElement(text string) string {
	for strings.HasPrefix(text, "<") {
		end := ">"
		switch {
		case strings.HasPrefix(text, "<!--"):
			end = "-->"
		case !strings.HasPrefix(text, "<?") && !strings.HasPrefix(text, "<!"):
			name := text[1:]
			name = name[:max(0, strings.IndexAny(name, " \t\r\n/>"))]
			return name[strings.IndexByte(name, ':')+1:]
		}
		_, rest, _ := strings.Cut(text, end)
		text = strings.TrimLeft(rest, " \t\r\n")
	}
	return ""
}

// shortcutMarks are tried in order. Without a root the mark begins a line.
var shortcutMarks = [...]struct{ root, mark, format, mime string }{
	{"", "[internetshortcut", "url", "application/x-mswinurl"},
	{"", "[desktop entry]", "desktop", "application/x-desktop"},
	{"", "[.shellclassinfo]", "desktop-ini", "text/plain"},
	{"", "[shell]", "scf", "text/plain"},
	{"", "full address:s:", "rdp", "application/x-rdp"},
	{"", "alternate full address:s:", "rdp", "application/x-rdp"},
	{"", "web\n1\n", "iqy", "text/plain"},
	{"plist", "<key>url</key>", "webloc", "application/x-webloc"},
	{"persistedquery", "", "search-ms", "text/xml"},
	{"librarydescription", "", "library-ms", "application/windows-library+xml"},
	{"searchconnectordescription", "", "searchconnector-ms", "application/windows-search-connector+xml"},
	{"pcsettings", "deeplink", "settingcontent-ms", "text/xml"},
	{"appinstaller", "", "appinstaller", "application/appinstaller"},
	{"assembly", "deploymentprovider", "clickonce", "application/x-ms-application"},
	{"jnlp", "", "jnlp", "application/x-java-jnlp-file"},
	{"mmc_consolefile", "", "msc", "text/xml"},
}
