package observable

import "strings"

// Extension returns the last extension of a file name, lower case, without the dot and
// without the dots and spaces that Windows drops at the end.
func Extension(name string) string {
	name = strings.TrimRight(strings.ToLower(name), ". \u00a0\u3000")
	i := strings.LastIndexAny(name, ".")
	if i < 0 || i == len(name)-1 || strings.ContainsAny(name[i:], `/\`) {
		return ""
	}
	return strings.TrimSpace(name[i+1:])
}

// RunsWhenOpened reports whether Windows, macOS or a script host runs files with the
// extension.
func RunsWhenOpened(ext string) bool {
	switch ext {
	case "exe", "scr", "com", "pif", "cpl", "bat", "cmd", "ps1", "psm1", "vbs", "vbe", "vb", "js", "jse", "mjs", "wsf", "wsh", "wsc", "hta",
		"msi", "msix", "appx", "msp", "mst", "jar", "lnk", "url", "reg", "inf", "scf", "sct", "dll", "ocx", "sys", "gadget", "application",
		"appref-ms", "chm", "hlp", "xll", "iqy", "slk", "settingcontent-ms", "library-ms", "search-ms", "diagcab", "rdp", "dmg", "pkg", "apk",
		"command", "workflow", "desktop", "msc", "ade", "adp", "mde", "website", "webloc", "terminal":
		return true
	}
	return false
}

// IsDocument reports whether people regard files with the extension as documents.
func IsDocument(ext string) bool {
	switch ext {
	case "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt", "rtf", "jpg", "jpeg", "png", "gif", "tif", "tiff", "odt", "ods", "csv",
		"mp3", "wav", "mp4", "eml", "html", "htm", "invoice":
		return true
	}
	return false
}
