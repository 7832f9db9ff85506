package attachment

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"outrider/internal/attachment/ole"
	"outrider/internal/attachment/ooxml"
	"outrider/internal/attachment/pdf"
	"outrider/internal/attachment/rtf"
)

// remote returns the host of a target that is fetched from an outside network, or "": a
// URL, or a path on a share. Names without a dot, private addresses and the suffixes of
// local networks count as the writer's own network, as with templates of companies.
func remote(target string) string {
	t := strings.TrimSpace(target)
	t = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(t, `"`), "mhtml:"), `"`)
	if rest, ok := cutShare(t); ok {
		host, _, _ := strings.Cut(rest, "/")
		host, _, _ = strings.Cut(host, "@") // WebDAV: the port follows
		return outside(host)
	}
	u, err := url.Parse(strings.ReplaceAll(t, `\`, "/"))
	if err != nil {
		scheme, rest, ok := strings.Cut(t, "://")
		if !ok || len(scheme) > 10 {
			return ""
		}
		return outside(rest[:strings.IndexAny(rest+"/", `/?#\`)])
	}
	if u.Scheme == "" || u.Host == "" {
		return ""
	}
	return outside(u.Hostname())
}

// cutShare returns the path after the prefix of a share, with slashes.
func cutShare(target string) (string, bool) {
	t := strings.ReplaceAll(target, `\`, "/")
	for _, mark := range []string{"file://///", "file:////", "///", "//"} {
		if rest, ok := cutFold(t, mark); ok && !strings.HasPrefix(rest, "/") && !strings.Contains(rest[:min(2, len(rest))], ":") {
			return rest, true
		}
	}
	return "", false
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}

func outside(host string) string {
	host = strings.ToLower(strings.Trim(host, "[]. "))
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() {
			return ""
		}
		return host
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == host && !digits(host) || slices.Contains([]string{"local", "lan", "internal", "intranet", "corp", "home", "localhost"}, last) {
		return ""
	}
	return host
}

// digits reports whether an address is written as one number, which clients accept.
func digits(host string) bool {
	return len(host) > 3 && (strings.Trim(host, "0123456789") == "" || strings.HasPrefix(host, "0x"))
}

// dataServices are DDE services that provide data, such as the feeds of banks. Excel treats
// any other name as a program and starts it.
var dataServices = []string{"excel", "winword", "blp", "reuter", "tr", "bloomberg", "fdsd", "progman", "mt4", "winros"}

// startsByDDE reports whether a DDE link starts a program: its service provides no data, or
// its topic is a program or a path to one outside of its folder.
func startsByDDE(service, topic string) bool {
	low := strings.ToLower(topic)
	return !slices.Contains(dataServices, strings.ToLower(strings.TrimSpace(service))) ||
		strings.Contains(low, ".exe") || strings.Contains(low, `..\`) || strings.Contains(low, " /c ") || strings.Contains(low, "powershell")
}

// ddeFormula matches a DDE link in a formula: the service, "|", the topic and "!".
// ECMA-376-1, Section 18.17.2.3 calls it a remote reference. Calc has a function.
var ddeFormula = regexp.MustCompile(`([A-Za-z0-9_.\\:-]+|'[^'|\n]+')\s*\|\s*('(?:[^'\n]|'')*'|[A-Za-z0-9_.\\:/]*)!['A-Za-z0-9_$]|(?i:\bDDE\s*\(\s*"([^"]+)"\s*[;,]\s*("[^"]*"))`)

// dde records the DDE links in a formula that start programs.
func (i *inspector) dde(id int, formula string) {
	for _, m := range ddeFormula.FindAllStringSubmatch(formula, 16) {
		if startsByDDE(strings.Trim(m[1], "'")+m[3], m[2]+m[4]) {
			i.harm(id, HarmDDE, m[0])
		}
	}
}

// ddeLink records a DDE link of a workbook, written as service and topic.
func (i *inspector) ddeLink(id int, link string) {
	if service, topic, _ := strings.Cut(link, " "); startsByDDE(service, topic) {
		i.harm(id, HarmDDE, link)
	}
}

// startsProgram matches macro sheet functions that start a program or call a library, and
// those that write new formulas.
var startsProgram = regexp.MustCompile(`(?i)\b(?:EXEC|CALL|REGISTER|REGISTER\.ID|INITIATE|EXECUTE|FOPEN|FWRITE|FWRITELN|FORMULA|FORMULA\.FILL|FORMULA\.ARRAY|WORKBOOK\.HIDE|FILE\.DELETE)\(`)

// xlm records the actions of macro sheets.
func (i *inspector) xlm(id int, sheets []string, auto bool, formulas []string) {
	if auto && (len(sheets) > 0 || len(formulas) > 0) {
		i.harm(id, HarmAutoSheet, strings.Join(sheets, ", "))
	}
	for _, f := range formulas {
		if m := startsProgram.FindString(f); m != "" {
			i.harm(id, HarmAutoSheet, f)
			break
		}
	}
	if !i.file(id).HasHarm(HarmAutoSheet) && len(sheets) > 0 {
		i.harm(id, HarmMacroSheet, strings.Join(sheets, ", "))
	}
}

// fieldHarm records what a Word field loads or starts. ECMA-376-1, Section 17.16.5.
func (i *inspector) fieldHarm(id int, kind, code string) {
	switch kind {
	case "DDE", "DDEAUTO":
		i.harm(id, HarmDDE, code)
	case "INCLUDETEXT", "INCLUDE", "RD", "IMPORT", "DATABASE":
		if host := remoteWord(code); host != "" {
			i.harm(id, HarmRemoteTemplate, code)
		}
	case "LINK":
		if host := remoteWord(code); host != "" {
			i.harm(id, HarmRemoteObject, code)
		}
	}
}

// remoteWord returns the host of the first argument of a field that is fetched from outside.
func remoteWord(code string) string {
	for word := range strings.FieldsSeq(code) {
		word = strings.Trim(strings.ReplaceAll(word, `\\`, `\`), `"“”`)
		if strings.HasPrefix(word, `\`) {
			word = `\` + word
		}
		if host := remote(word); host != "" {
			return host
		}
	}
	return ""
}

// packageHarms records the actions of a zip-based document.
func (i *inspector) packageHarms(id int, o *ooxml.Document) {
	for _, r := range o.Relationships {
		if r.External {
			i.relationshipHarm(id, &r)
		}
	}
	for _, f := range o.Fields {
		if o.Kind == ooxml.Excel || o.Kind == ooxml.ExcelBinary {
			i.ddeLink(id, strings.TrimPrefix(f.Code, "DDE "))
		} else {
			i.fieldHarm(id, f.Kind, f.Code)
		}
	}
	for _, a := range o.Actions {
		if a.Kind == ooxml.ActionRun {
			i.harm(id, HarmLaunch, a.Target)
		}
	}
	i.classHarms(id, o)
	i.projectHarms(id, o)
	i.sheetHarms(id, o)
}

// classHarms records dangerous classes of controls and embedded objects.
func (i *inspector) classHarms(id int, o *ooxml.Document) {
	for _, class := range o.ActiveX {
		if name := dangerousControls[strings.ToUpper(class)]; name != "" {
			i.harm(id, HarmProgram, "control "+name)
		}
	}
	for _, class := range o.Classes {
		if strings.HasPrefix(strings.ToLower(class), "equation.") && !honestParts(o.Embedded) {
			i.harm(id, HarmEquation, class)
		}
	}
}

// projectHarms records macros of a document: a project, or scripts with the events that start them.
func (i *inspector) projectHarms(id int, o *ooxml.Document) {
	if len(o.Macros) > 0 {
		i.harm(id, HarmMacro, o.Macros[0].Name)
	}
	for _, a := range o.Actions {
		if o.Kind == ooxml.OpenDocument && a.Kind == ooxml.ActionOnLoad {
			i.harm(id, HarmAutoMacro, a.Target)
		}
	}
}

// honestParts reports whether the equations in a document are as their editor writes them.
func honestParts(parts []ooxml.File) bool {
	return !slices.ContainsFunc(parts, func(f ooxml.File) bool { return !isCompound(f.Data) && len(f.Data) > 0 })
}

func (i *inspector) sheetHarms(id int, o *ooxml.Document) {
	var sheets []string
	for _, s := range o.Sheets {
		if s.Macro {
			sheets = append(sheets, strings.TrimSpace(s.State+" "+s.Name))
		}
	}
	auto := slices.ContainsFunc(o.Actions, func(a ooxml.Action) bool {
		return a.Kind == ooxml.ActionMacro && strings.Contains(strings.ToLower(a.Target), "auto_")
	})
	var programs []string
	for _, f := range o.Formulas {
		i.dde(id, f)
		if len(sheets) > 0 {
			programs = append(programs, f)
		}
	}
	i.xlm(id, sheets, auto, programs)
}

// relationshipHarm records the target that an external relationship fetches.
func (i *inspector) relationshipHarm(id int, r *ooxml.Relationship) {
	if remote(r.Target) == "" {
		return
	}
	switch r.Type {
	case "attachedTemplate", "template", "frame", "subDocument", "glossaryDocument", "settings", "webSettings", "recipientData", "mailMergeSource", "mailMergeHeaderSource", "transform":
		i.harm(id, HarmRemoteTemplate, r.Target)
	case "oleObject", "aFChunk", "package", "control", "vmlDrawing", "chart", "externalLink":
		i.harm(id, HarmRemoteObject, r.Target)
	}
}

// dangerousControls are classes that show pages or run scripts, or whose readers have known
// exploits. Form controls are harmless.
var dangerousControls = map[string]string{
	"EAB22AC3-30C1-11CF-A7EB-0000C05BAE0B": "Shell.Explorer",
	"8856F961-340A-11D0-A96B-00C04FD705A2": "Shell.Explorer.2",
	"D27CDB6E-AE6D-11CF-96B8-444553540000": "Flash",
	"AE24FDAE-03C6-11D1-8B76-0080C744F389": "Scriptlet",
	"06290BD5-48AA-11D2-8432-006008C3FBFC": "Script",
	"0E59F1D5-1FBE-11D0-8FF2-00A0D10038BC": "MSScriptControl",
	"25336920-03F9-11CF-8FD0-00AA00686F13": "htmlfile",
	"BDD1F04B-858B-11D1-B16A-00C0F0283628": "ListView",
	"996BF5E0-8044-4650-ADEB-0B013914E99C": "ListView",
	"C74190B6-8589-11D1-B16A-00C0F0283628": "TreeView",
	"0002CE02-0000-0000-C000-000000000046": "Equation",
}

// oleHarms records the actions of a compound file. Its macros belong to the containing
// document.
func (i *inspector) oleHarms(id int, o *ole.Document) {
	i.macroHarms(i.owner(id), o)
	var sheets, formulas []string
	for _, s := range o.Sheets {
		if s.Macro {
			sheets = append(sheets, strings.TrimSpace(s.State+" "+s.Name))
		}
	}
	for _, f := range o.MacroFormulas {
		formulas = append(formulas, f.Text)
	}
	i.xlm(id, sheets, o.AutoOpen, formulas)
	for _, dde := range o.DDE {
		i.ddeLink(id, dde)
	}
	for _, a := range o.Actions {
		switch a.Kind {
		case "program":
			i.harm(id, HarmLaunch, a.Target)
		case "macro":
		default:
			i.fieldHarm(id, a.Kind, a.Target)
		}
	}
	i.objectHarms(i.owner(id), o)
	if o.Encrypted && slices.Contains(ole.DefaultPasswords(), o.Password) {
		i.harm(id, HarmKnownPassword, o.Password)
	}
}

// objectHarms records objects that are fetched, or that attack the Equation Editor.
func (i *inspector) objectHarms(id int, o *ole.Document) {
	for _, target := range o.Remote {
		if remote(target) != "" {
			i.harm(id, HarmRemoteObject, target)
		}
	}
	odd := func(b []byte) bool { return !honestEquation(b) }
	if slices.ContainsFunc(o.Equations, odd) || o.EquationClass && len(o.Equations) == 0 {
		i.harm(id, HarmEquation, "")
	}
}

// macroHarms records the macros of a project. A project with missing or unreadable source
// runs its compiled code.
func (i *inspector) macroHarms(id int, o *ole.Document) {
	source := false
	for _, m := range o.Modules {
		source = source || m.Statements() > 0
	}
	switch {
	case slices.Contains(o.Notes, ole.NoSource):
		i.harm(id, HarmAutoMacro, "compiled code without a source")
	case slices.Contains(o.Notes, ole.BrokenVBA):
		i.harm(id, HarmMacro, "a project that does not read")
	case source:
		i.harm(id, HarmMacro, o.Modules[0].Name)
	}
	for _, name := range o.AutoMacros() {
		i.harm(id, HarmAutoMacro, name)
	}
}

// rtfHarms records the actions of a document in Rich Text Format.
func (i *inspector) rtfHarms(id int, r *rtf.Document) {
	if remote(r.Template) != "" {
		i.harm(id, HarmRemoteTemplate, r.Template)
	}
	for _, f := range r.Fields {
		i.fieldHarm(id, f.Kind, f.Code)
	}
	odd := slices.Contains(r.Notes, rtf.BrokenHex) || slices.Contains(r.Notes, rtf.RawObject)
	for k := range r.Objects {
		o := &r.Objects[k]
		class := strings.ToLower(o.Class + " " + o.Declared)
		switch {
		case strings.Contains(class, "equation") && (o.Update || odd || !honestEquation(o.Data)):
			i.harm(id, HarmEquation, o.Class)
		case o.Linked && remote(o.Name) != "":
			i.harm(id, HarmRemoteObject, o.Name)
		case strings.Contains(class, "ole2link"):
			i.harm(id, HarmRemoteObject, o.Class)
		case o.Update && odd:
			i.harm(id, HarmProgram, "an object in broken hexadecimal that loads by itself: "+o.Class)
		}
	}
}

// pdfHarms records the actions of a PDF.
func (i *inspector) pdfHarms(id int, p *pdf.Document) {
	sends := p.Has("SubmitForm") && slices.ContainsFunc(p.Actions, func(a pdf.Action) bool { return a.Kind == "OpenAction" && a.Target == "SubmitForm" })
	for _, a := range p.Actions {
		i.pdfAction(id, a, sends)
	}
	opens := p.Has("Names") || slices.ContainsFunc(p.Actions, func(a pdf.Action) bool { return a.Kind == "OpenAction" && a.Target == "JavaScript" })
	for _, s := range p.Scripts {
		switch {
		case !reachesOut(s):
		case opens:
			i.harm(id, HarmOpenScript, s)
		default:
			i.harm(id, HarmScript, s)
		}
	}
}

func (i *inspector) pdfAction(id int, a pdf.Action, sends bool) {
	far := remote(a.Target) != ""
	switch a.Kind {
	case "Launch":
		i.harm(id, HarmLaunch, a.Target)
	case "GoToR", "GoToE", "ImportData", "Thread":
		if far {
			i.harm(id, HarmLaunch, a.Kind+" "+a.Target)
		}
	case "SubmitForm":
		switch {
		case far && sends:
			i.harm(id, HarmOpenSubmit, a.Target)
		case far || strings.HasPrefix(strings.ToLower(a.Target), "mailto:"):
			i.harm(id, HarmSubmitForm, a.Target)
		}
	}
}

// outward are words that PDF scripts call, or take a member of, to open, send or save
// something, or to build new code. Words of forms, for formatting and adding, and of
// printing are harmless. All are in lower case.
const outward = " launchurl geturl submitform maildoc mailform mailmsg mailgetaddrs exportdataobject opendataobject importdataobject " +
	"createdataobject importanfdf importxfadata importtextdata exportasfdf exportxfadata opendoc newdoc saveas execmenuitem execdialog eval unescape " +
	"fromcharcode soap http collab newplayer syncannotscan customdictionaryopen setaction addscript function launch "

// longestCall bounds the bytes of a call that outsideWords examines.
const longestCall = 128

// opensAddress matches calls of PDF scripts that open a page in the browser.
var opensAddress = regexp.MustCompile(`(?i)\b(?:launchURL|getURL)\s*\(`)

var (
	afterOutward = regexp.MustCompile(`^\s*[.(\["']`)
	afterUtil    = regexp.MustCompile(`^\s*\.\s*(?i:printf)`)
	outsideWords = regexp.MustCompile(`^(?:(?i:%u[0-9a-f]{4}|\\x[0-9a-f]{2}\\x)|\[\s*["']\w+["']\s*\]\s*\()`)
)

// reachesOut reports whether a script calls one of outward, or hides what it calls. It goes
// from word to word: one expression for all of them takes seconds per megabyte.
func reachesOut(s string) bool {
	for s != "" {
		n := wordLen(s)
		head := s[n:min(len(s), n+longestCall)]
		switch {
		case n > 0 && afterOutward.MatchString(head) && isOutward(s[:n]),
			n > 0 && strings.EqualFold(s[max(0, n-4):n], "util") && afterUtil.MatchString(head),
			n == 0 && strings.IndexByte(`%\[`, s[0]) >= 0 && outsideWords.MatchString(head):
			return true
		}
		s = s[max(n, 1):]
	}
	return false
}

func isOutward(word string) bool {
	return len(word) <= len("customdictionaryopen") && strings.Contains(outward, " "+strings.ToLower(word)+" ")
}

// wordLen returns the length of the word at the start of s.
func wordLen(s string) int {
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return i
		}
	}
	return len(s)
}
