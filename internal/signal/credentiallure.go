package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// credentialLure finds the wording of credential theft together with a link or a file:
// accounts that expire, payments that failed, documents and parcels that wait. Proved
// mail in a conversation passes; wording without a place to go does too.
func credentialLure() Signal {
	return Signal{
		ID: "credential-lure", Name: "Wording that lures to a login", Class: verdict.ClassPhish, Weight: 2.5, Since: "0.1",
		Why: "The text presses you to act on an account or delivery: %s.",
		Find: func(e *evidence.Evidence) []Match {
			if !hasLure(e) || e.IsReply() {
				return nil
			}
			return wording(e, topicCredential, 0.6, 1.8)
		},
	}
}
