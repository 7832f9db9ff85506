package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// cryptoLure finds the wording of wallet theft and fake cryptocurrency gifts, with a link.
// Conversations about the technology pass.
func cryptoLure() Signal {
	return Signal{
		ID: "crypto-lure", Name: "Wording that lures to a crypto wallet", Class: verdict.ClassPhish, Weight: 2.5, Since: "0.1",
		Why: "The text tries to draw you into cryptocurrency: %s.",
		Find: func(e *evidence.Evidence) []Match {
			if !hasLure(e) || e.IsReply() {
				return nil
			}
			return wording(e, topicCrypto, 0.6, 2)
		},
	}
}
