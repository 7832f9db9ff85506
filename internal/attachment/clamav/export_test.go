package clamav

// What the fuzz test reaches inside for.
var (
	ParseScan    = parseScan
	ParseVersion = parseVersion
)
