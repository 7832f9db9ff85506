package store

import (
	"errors"
	"io/fs"

	"modernc.org/sqlite"
)

// Fault says what is wrong with the database of a running gateway. The zero value says
// that nothing is.
type Fault string

// The faults. What is damaged, missing, replaced or newer is rebuilt; what is locked or
// unusable is tried again.
const (
	Damaged  Fault = "damaged"  // cannot be read, wholly or in part
	Missing  Fault = "missing"  // was there before and is not any more
	Replaced Fault = "replaced" // is not the file that was opened
	Newer    Fault = "newer"    // has the schema of a newer version
	Older    Fault = "older"    // lacks events that had been recorded
	Foreign  Fault = "foreign"  // belongs to another installation
	Locked   Fault = "locked"   // another process holds its lock
	Unusable Fault = "unusable" // disk full, read-only, no permission, I/O error
)

// Result codes of SQLite (sqlite.org/rescode.html).
const (
	codeBusy     = 5
	codeLocked   = 6
	codeCorrupt  = 11
	codeNotADB   = 26
	codeIOShort  = 522  // I/O error: the file ends too early
	codeReadMove = 1032 // read-only: the file was moved
)

// faultOf classifies an error of the database; "" where it says nothing about the file.
func faultOf(err error) Fault {
	if errors.Is(err, ErrNewer) {
		return Newer
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Missing
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return ""
	}
	switch code := e.Code(); {
	case code == codeIOShort, code&0xff == codeCorrupt, code&0xff == codeNotADB:
		return Damaged
	case code == codeReadMove:
		return Replaced
	case code&0xff == codeBusy, code&0xff == codeLocked:
		return Locked
	}
	return Unusable
}

// rebuilds reports whether a fault is ended by building the database anew.
func (f Fault) rebuilds() bool {
	return f == Damaged || f == Missing || f == Replaced || f == Newer
}
