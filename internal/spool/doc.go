// Package spool is the durable journal of an edge: what it has promised to senders,
// what still has to be delivered, and the facts that no store has seen yet.
//
// SMTP moves responsibility for a message with one reply: from the 250 on, the
// message is ours (RFC 5321, Section 4.2.5). So everything after that reply is one
// atomic, fsynced batch in a log-structured store (Pebble), and many sessions share
// one fsync (group commit). Bodies up to a threshold live in the store; larger ones
// are files that are on stable storage before the batch that names them.
//
// The crash narrative, point by point. "Crash" is a killed process or a lost machine.
//
//  1. Begin appends the intent and returns at once; Append.Wait returns when the
//     intent is on stable storage. A crash before that leaves no trace, and the
//     sender, which has no reply, sends again.
//  2. After Wait, the session hands the message to the next hop. A crash now leaves
//     an intent without outcome. The sender has no reply and sends again; the next
//     hop may have the first copy, which SMTP cannot prevent. Interrupted lists such
//     intents when the spool opens, to be recorded as interrupted.
//  3. Commit writes large bodies first: temporary file, fsync, rename, fsync of the
//     directory. A crash now leaves files that no batch names; Open removes them.
//  4. Commit then applies one batch: the intent goes; queue entries, held messages
//     and facts come. A crash before the fsync returned leaves all of it or nothing,
//     and the sender has no reply. After it, the caller may answer 250.
//  5. A delivery attempt ends in a Commit too: the entry goes or is scheduled again
//     with the recipients that remain, and its facts come, in one batch. A crash
//     between the next hop's 250 and that batch delivers a second time: the only
//     duplicate that remains, and one that SMTP cannot avoid.
//  6. Files of bodies that nothing refers to any more are removed after the batch
//     that dropped them is durable. A crash between leaves files for Open to remove.
//  7. The number of a fact (EdgeSeq) is assigned in the order of the log and stored
//     in the batch of the fact. The log survives as a prefix, so numbers have no gap
//     and none is given twice to facts that anyone has seen: Facts shows a fact only
//     once it is on stable storage.
//  8. When a write or an fsync of the log fails, the content of the disk is unknown:
//     the kernel may drop the dirty pages and let the next fsync succeed. From that
//     moment the spool is poisoned: it changes nothing on disk any more, every call
//     answers 421, and only a restart, which reads what is really there, ends that.
//  9. A message that waits for another re-evaluation keeps its body here until that look has
//     ended. The row comes by a Lazy Commit of its own after the one that answered for
//     the message: a crash between the two loses the re-evaluation and no mail. The re-evaluation ends, or
//     is scheduled again, in the batch of what it found.
//
// Limits: one process per directory, which Pebble's lock enforces. The references to
// bodies are counted in memory, about 100 bytes per queued message.
//
// Standards: RFC 5321 Section 4.2.5 and 6.1 (responsibility), RFC 3463 (codes 4.3.1
// and 4.3.2).
package spool
