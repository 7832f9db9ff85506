package clamav

// Internals for the fuzz test.
var (
	ParseScan    = parseScan
	ParseVersion = parseVersion
)
