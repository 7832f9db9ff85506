// Package bench measures whole gateways beside their peers: Outrider and Postfix, both
// between the same load generator and the same sink, and with filtering on, Outrider
// and Postfix with Rspamd.
//
// "make bench" runs everything three times and writes docs/benchmarks.md. The figures
// are those of the slowest part: a message counts when the sink has it, not when the
// gateway has taken it, since Postfix queues and Outrider does not.
package bench
