// Package bombs judges what is made to break a gateway, and shows what it costs.
//
// Every row is a message that code in this package writes: nested, repeated,
// lying about its size, or packed a thousandfold. Messages are judged as the gateway
// judges them, with a real worker for their attachments.
// The tests hold what Outrider promises: judgement ends at its deadline, the worker stays
// within its memory, nothing panics, and what was not looked at is said.
//
// Limits: figures depend on the machine and are printed, not compared; "go test -update"
// writes them to docs/bombs.md. The memory of a worker that was killed is not known.
package bombs
