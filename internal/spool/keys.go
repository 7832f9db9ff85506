package spool

import (
	"encoding/binary"
	"fmt"
	"time"
)

// The key space: one letter for the kind of row, then the id.
const (
	keyIntent = 'i' // i<message id>: Intent
	keyEntry  = 'q' // q<entry id>: Entry
	keyDue    = 'd' // d<microseconds, big-endian><entry id>: nothing; orders entries by Next
	keyHeld   = 'h' // h<held id>: Held
	keyLook   = 'r' // r<revisit id>: Revisit
	keyWhen   = 'w' // w<microseconds, big-endian><revisit id>: nothing; orders revisits by Next
	keySlow   = 's' // s<microseconds, big-endian><revisit id>: nothing; the same of slow ones
	keyBody   = 'b' // b<body id>: raw bytes
	keyFact   = 'f' // f<EdgeSeq, big-endian>: Event
	keyMeta   = 'm' // m<name>: single values
)

// Single values.
var (
	metaEdge = key(keyMeta, "edge") // id of the edge that owns the journal
	metaSeq  = key(keyMeta, "seq")  // EdgeSeq of the last fact, big-endian
)

func key(kind byte, id string) []byte { return append([]byte{kind}, id...) }

func factKey(seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{keyFact}, seq)
}

// dueKey is the key of a kind that sorts by time. Times before 1970 count as 1970.
func dueKey(kind byte, at time.Time, id string) []byte {
	us := uint64(max(at.UnixMicro(), 0))
	return append(binary.BigEndian.AppendUint64([]byte{kind}, us), id...)
}

// readDue is the reverse of dueKey.
func readDue(k []byte) (at time.Time, id string, err error) {
	if len(k) < 9 {
		return time.Time{}, "", fmt.Errorf("reading due key %x: %w", k, errCorrupt)
	}
	us := int64(binary.BigEndian.Uint64(k[1:9]))
	return time.UnixMicro(us), string(k[9:]), nil
}

// end returns the first key after all keys of a kind.
func end(kind byte) []byte { return []byte{kind + 1} }
