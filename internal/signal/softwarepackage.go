package signal

import (
	"path"
	"strings"

	"outrider/internal/attachment"
	"outrider/internal/evidence"
	"outrider/internal/observable"
)

// manyFiles is the number of files from which an archive can be a package of software.
const manyFiles = 20

// inPackage says how surely a script belongs into the archive that it is in, 0 to 1. Saved web
// pages, sources and browser extensions hold scripts in folders, among many files. A small
// package is believed in part, where its manifest says what it is: anybody can add that file.
// A script that is beside the folders, or among documents only, is what the archive is
// opened for.
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

// atTop reports whether nothing but the one folder that holds the whole archive is above the file.
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

// software counts the files that are no documents.
func software(files []attachment.File) int {
	n := 0
	for i := range files {
		if !observable.IsDocument(files[i].Extension) {
			n++
		}
	}
	return n
}

// hasManifest reports whether the archive has the file that describes a package of JavaScript or
// an extension of a browser, in the folder of the script or above it.
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
