// Package test proves Outrider from outside: whole messages through whole processes.
//
// The end-to-end tests put real mail servers in front of and behind a gateway that is
// built from a configuration file, and look at what arrives at the next hop. The
// torture test kills the gateway at random moments, under load and with a next hop
// that misbehaves, and then accounts for every message that was acknowledged. The
// full-disk test does the same with a disk that has no space left.
//
// The size of the torture is set by OUTRIDER_TORTURE (messages) and OUTRIDER_KILLS;
// "make torture" runs the large one.
package test
