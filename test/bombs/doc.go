// Package bombs judges what is made to break a gateway, and shows what it costs.
//
// Every row is a message or a file that code in this package writes: nested, repeated,
// lying about its size, going in circles, or packed a thousandfold. Messages are judged as
// the gateway judges them; files are opened by the worker that the gateway starts, while a
// plain message is judged beside it.
// The tests hold what Outrider promises: every row ends within the deadline of a message, the
// worker stays within its memory, nothing panics or dies, and what was not looked at is said;
// a row that says nothing tells why that is right.
//
// Standards: those of the formats, named where they are written.
//
// Limits: figures depend on the machine and are printed, not compared; "go test -update"
// writes them to docs/bombs.md. The memory of a worker that was killed is not known.
package bombs
