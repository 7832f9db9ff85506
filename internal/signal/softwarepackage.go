package signal

import (
	"path"
	"strings"

	"outrider/internal/attachment"
	"outrider/internal/evidence"
	"outrider/internal/observable"
)

// manyFiles is the minimum number of files of a software package.
const manyFiles = 20

// inPackage returns the likelihood, 0 to 1, that a script is an ordinary part of its
// archive. Saved web pages, sources and browser extensions hold scripts in folders, among
// many files. A small package with a manifest counts in part, since anybody can add that
// file. A script outside of the folders, or among documents only, is the archive's purpose.
func inPackage(f *evidence.File) float64 {
	switch observable.Extension(f.Name) {
	case "js", "mjs", "bat", "sys", "inf", "cmd", "ps1":
	default:
		return 0
	}
	if f.Attached || attachment.IsProgram(f.Format) {
		return 0
	}
	files := f.Report.Files
	if len(files) >= manyFiles && strings.ContainsAny(f.Name, `/\`) && (!atTop(f) || software(files) >= manyFiles/2) {
		return 1
	}
	if hasManifest(f) && !f.HostScript {
		return 0.6
	}
	return 0
}

// atTop reports whether the file is at the top of the archive, or in the one folder that
// holds everything.
func atTop(f *evidence.File) bool {
	top, rest, found := strings.Cut(slashed(f.Name), "/")
	if !found {
		return true
	}
	if strings.Contains(rest, "/") {
		return false
	}
	files := f.Report.Files
	for i := range files {
		if files[i].Parent == f.Parent && !strings.HasPrefix(slashed(files[i].Name), top+"/") {
			return false
		}
	}
	return true
}

// software counts the files other than documents.
func software(files []attachment.File) int {
	n := 0
	for i := range files {
		if !observable.IsDocument(files[i].Extension) {
			n++
		}
	}
	return n
}

// hasManifest reports whether the archive has the manifest of a JavaScript package or a
// browser extension, in the folder of the script or above it.
func hasManifest(f *evidence.File) bool {
	name, files := slashed(f.Name), f.Report.Files
	for i := range files {
		if dir, base := path.Split(slashed(files[i].Name)); files[i].Parent == f.Parent && strings.HasPrefix(name, dir) && files[i].Format == "json" && (base == "package.json" || base == "manifest.json") {
			return true
		}
	}
	return false
}

func slashed(name string) string { return strings.ReplaceAll(name, `\`, "/") }
