// Package mailtest holds what tests of mail need: an SMTP sink that records raw bytes,
// and a private Postfix as a real peer.
//
// A sink accepts every transaction unless its script says otherwise, and keeps what
// came over the wire byte for byte, so that a test can see what a lenient host would
// have seen. Postfix runs from its own configuration and queue below a temporary
// directory, on loopback only. Programs that are missing skip the test, or fail it
// where OUTRIDER_NO_SKIP=1 is set.
//
// Limits: for tests only; nothing else may import it.
package mailtest
