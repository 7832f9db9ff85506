package ole

import (
	"regexp"
	"strings"
)

// Keyword is a suspicious word of macro source.
type Keyword struct {
	Type        string `json:"type"` // "autoexec", "suspicious", "ioc", "hex_string" or "base64_string"
	Keyword     string `json:"keyword"`
	Description string `json:"description"`
}

// onWork describes events that the reader triggers.
const onWork = "runs when someone works with the document"

// watched are words by their meaning, in lower case. A trailing star matches the rest of
// the word, a leading one its beginning.
var watched = []struct{ kind, description, words string }{
	{"autoexec", "runs when the document is opened", "autoexec autoopen auto_open document_open documentopen workbook_open " +
		"workbook_activate auto_activate autonew document_new *_layout *_painting *_painted inkpicture*_resize"},
	{"autoexec", "runs when the document is closed", "autoexit autoclose auto_close document_close documentbeforeclose " +
		"workbook_beforeclose workbook_close workbook_deactivate"},
	{"autoexec", onWork, "document_contentcontrolonenter worksheet_change worksheet_calculate " +
		"*_gotfocus *_lostfocus *_mousehover *_mousemove *_click *_change webbrowser*_navigatecomplete2 *_documentcomplete"},
	{"suspicious", "may run a program", "shell wscript.shell shell.application exec execute shellexecute shellexecutea winexec " +
		"createprocess createprocessa macscript powershell cmd.exe mshta rundll32 regsvr32 certutil wmic winmgmts: win32_process followhyperlink"},
	{"suspicious", "may create an object of any class", "createobject getobject new:* callbyname"},
	{"suspicious", "may download a file", "urldownloadtofile urldownloadtofilea msxml2.xmlhttp msxml2.serverxmlhttp microsoft.xmlhttp " +
		"winhttp.winhttprequest* internetopen* bitsadmin system.net.webclient downloadfile downloadstring net.webclient"},
	{"suspicious", "may write a file", "adodb.stream savetofile scripting.filesystemobject createtextfile opentextfile binary output"},
	{"suspicious", "may read or change files", "kill filecopy copyfile movefile deletefile environ environment"},
	{"suspicious", "may hide text", "chr chrw chrb strreverse xor base64* frombase64string bin.base64 hex"},
	{"suspicious", "may call machine code", "declare lib kernel32* user32* ntdll* virtualalloc virtualallocex rtlmovememory " +
		"createthread createremotethread writeprocessmemory enumsystemlanguagegroupsw callwindowproc*"},
	{"suspicious", "may change the registry or the protection of Office", "regwrite regread accessvbom vbawarnings vbproject vbcomponents " +
		"codemodule addfromstring application.enablecancelkey displayalerts"},
	{"suspicious", "may look for analysis", "sandbox vmware virtualbox vbox wireshark isdebuggerpresent username recentfiles"},
	{"suspicious", "may hide a window", "vbhide vbhidden hidden windowstyle visible"},
}

var (
	wordPattern   = regexp.MustCompile(`[\pL_][\pL\pN_.:]+`)
	iocPattern    = regexp.MustCompile(`(?i)\b(?:https?|ftp)://[^\s"'<>)]+|\b(?:\d{1,3}\.){3}\d{1,3}\b|\b[\w-]+\.(?:exe|dll|scr|pif|bat|cmd|vbs|vbe|js|jse|wsf|hta|ps1|jar|msi|lnk|sct)\b`)
	hexPattern    = regexp.MustCompile(`"(?:[0-9A-Fa-f]{2}){8,}"`)
	base64Pattern = regexp.MustCompile(`"[A-Za-z0-9+/]{24,}={0,2}"`)
)

// Keywords returns the distinct suspicious words of macro source, in order of the lists and
// then of the text. It takes linear time.
func Keywords(source string) []Keyword {
	words := map[string]string{} // as written, by lower case
	for _, w := range wordPattern.FindAllString(source, 200_000) {
		w = w[:min(len(w), 80)] // watched words are not longer
		for _, piece := range append(strings.Split(w, "."), w) {
			if key := strings.ToLower(piece); words[key] == "" {
				words[key] = piece
			}
		}
	}
	var out []Keyword
	for _, w := range watched {
		for pattern := range strings.FieldsSeq(w.words) {
			if found := match(words, pattern); found != "" {
				out = append(out, Keyword{w.kind, found, w.description})
			}
		}
	}
	out = append(out, matches(source, iocPattern, "ioc", "an address or the name of a program")...)
	out = append(out, matches(source, hexPattern, "hex_string", "hexadecimal text")...)
	return append(out, matches(source, base64Pattern, "base64_string", "text that may be base64")...)
}

// procedure matches the head of a procedure. MS-VBAL, 5.3.1.
var procedure = regexp.MustCompile(`(?im)^[ \t]*(?:(?:public|private|friend|static)[ \t]+)*(?:sub|function)[ \t]+([\pL_][\pL\pN_]*)`)

// AutoMacros returns the distinct procedures that run automatically when the document is
// opened or closed.
func (d *Document) AutoMacros() []string {
	words := map[string]string{}
	for _, m := range d.Modules {
		for _, name := range procedure.FindAllStringSubmatch(m.Source, maxProcedures) {
			words[strings.ToLower(name[1])] = name[1]
		}
	}
	var out []string
	for _, w := range watched {
		if w.kind != "autoexec" || w.description == onWork {
			continue
		}
		for pattern := range strings.FieldsSeq(w.words) {
			if found := match(words, pattern); found != "" {
				out = append(out, found)
			}
		}
	}
	return out
}

// maxProcedures bounds the examined procedures of one module.
const maxProcedures = 5000

// match returns the word that a pattern matches, as written, or "".
func match(words map[string]string, pattern string) string {
	at := strings.IndexByte(pattern, '*')
	if at < 0 {
		return words[pattern]
	}
	best := ""
	for key, w := range words {
		if len(key) >= len(pattern)-1 && strings.HasPrefix(key, pattern[:at]) && strings.HasSuffix(key, pattern[at+1:]) &&
			(best == "" || w < best) {
			best = w
		}
	}
	return best
}

func matches(source string, re *regexp.Regexp, kind, description string) []Keyword {
	var out []Keyword
	seen := map[string]bool{}
	for _, s := range re.FindAllString(source, 200) {
		s = strings.Trim(s, `"`)
		if s = strings.ToValidUTF8(s[:min(len(s), 500)], ""); !seen[s] { // longer ones tell no more
			seen[s] = true
			out = append(out, Keyword{kind, s, description})
		}
	}
	return out
}

func (r *reader) keywords() []Keyword {
	var all strings.Builder
	for _, m := range r.doc.Modules {
		all.WriteString(m.Source)
		all.WriteByte('\n')
	}
	return Keywords(all.String())
}
