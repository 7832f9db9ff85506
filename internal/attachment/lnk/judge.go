package lnk

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The shell dialogue shows 260 characters of the target; people do not type forty blanks.
const (
	shownCharacters = 260
	paddingBlanks   = 40
)

// judge notes properties that honest shortcuts do not have.
func (l *Link) judge() {
	if utf8.RuneCountInString(l.Arguments) > shownCharacters {
		l.note(LongArguments)
	}
	if longestBlank(l.Arguments) >= paddingBlanks {
		l.note(PaddedArguments)
	}
	if l.disagrees() {
		l.note(DifferentPaths)
	}
	if l.Interpreter() != "" && imitates(l.Icon, l.IconIndex) {
		l.note(BorrowedIcon)
	}
}

// longestBlank returns the length of the longest run of invisible characters.
func longestBlank(s string) int {
	most, n := 0, 0
	for _, r := range s {
		n++
		if !isBlank(r) {
			n = 0
		}
		most = max(most, n)
	}
	return most
}

// isBlank also counts letters without a glyph, the Hangul filler and the Braille blank.
func isBlank(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsGraphic(r) || r == 0x3164 || r == 0x2800
}

// disagrees reports whether the path and the shell items end in different files. Folders
// are ignored: the shell shows them under other names.
func (l *Link) disagrees() bool {
	known := l.Local
	if known == "" {
		known = l.Network
	}
	return known != "" && l.Items != "" && !strings.EqualFold(fileOf(known), fileOf(l.Items))
}

// fileOf returns the last element of a Windows path.
func fileOf(p string) string { return path.Base(strings.ReplaceAll(strings.Trim(p, `" `), `\`, "/")) }

// interpreters are Windows programs that run commands from their arguments.
var interpreters = map[string]bool{
	"bash": true, "bitsadmin": true, "certutil": true, "cmd": true, "conhost": true, "control": true, "cscript": true, "curl": true,
	"explorer": true, "finger": true, "forfiles": true, "ftp": true, "hh": true, "installutil": true, "java": true, "javaw": true,
	"msbuild": true, "mshta": true, "msiexec": true, "node": true, "odbcconf": true, "pcalua": true, "powershell": true,
	"pwsh": true, "python": true, "pythonw": true, "regsvr32": true, "rundll32": true, "schtasks": true, "scp": true,
	"ssh": true, "wmic": true, "wscript": true, "wsl": true,
}

// Interpreter returns the name of the target without extension, in lower case, if it is an
// interpreter, or "".
func (l *Link) Interpreter() string {
	for _, p := range []string{l.Environment, l.Local, l.Network, l.Items, l.Relative} {
		if name := strings.TrimSuffix(strings.ToLower(fileOf(p)), ".exe"); interpreters[name] {
			return name
		}
	}
	return ""
}

// viewers are programs whose icon indicates a document.
var viewers = map[string]bool{
	"acrobat.exe": true, "acrord32.exe": true, "chrome.exe": true, "excel.exe": true, "firefox.exe": true, "foxitpdfreader.exe": true,
	"iexplore.exe": true, "mspaint.exe": true, "msedge.exe": true, "notepad.exe": true, "onenote.exe": true, "outlook.exe": true,
	"powerpnt.exe": true, "pptico.exe": true, "winrar.exe": true, "winword.exe": true, "wordicon.exe": true, "wordpad.exe": true,
	"xlicons.exe": true, "zipfldr.dll": true, "wmploc.dll": true,
}

// documentIcons are the icons of documents and folders in the libraries of the shell.
var documentIcons = map[string][]int{
	"shell32.dll":  {0, 1, 3, 4, 70, 71, 126, 127, -1, -2, -4, -5, -151, -152},
	"imageres.dll": {2, 3, 4, 13, 14, 97, 102, -3, -4, -102, -1002},
}

// imitates reports whether an icon indicates a document or folder.
func imitates(icon string, index int) bool {
	file := strings.ToLower(fileOf(icon))
	for _, k := range documentIcons[file] {
		if k == index {
			return true
		}
	}
	switch path.Ext(file) {
	case ".pdf", ".doc", ".docx", ".xls", ".xlsx", ".txt", ".rtf", ".jpg", ".png", ".htm", ".html":
		return true
	}
	return viewers[file]
}
