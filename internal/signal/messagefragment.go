package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/message"
	"outrider/internal/verdict"
)

// messageFragment finds messages that are split into several: a mail program reassembles
// them, and no server sees the whole. No current program sends them; pieces that reports
// return pass.
func messageFragment() Signal {
	return Signal{
		ID: "message-fragment", Name: "Message cut into pieces", Class: verdict.ClassMalware, Weight: 6, Since: "0.2",
		Why: "The message is piece %s of a larger one, so that the whole could not be checked.",
		Find: func(e *evidence.Evidence) []Match {
			for _, p := range e.Message.Parts {
				if p.IsFragment() && !returned(p) {
					number := printable(p.Params["number"], 10)
					return one(Match{Portion: verdict.PortionStructure, Field: p.Path, Value: p.Params["id"], Args: []any{number}})
				}
			}
			return nil
		},
	}
}

// returned reports whether a report returns the part.
func returned(p *message.Part) bool {
	for a := p.Parent; a != nil; a = a.Parent {
		if a.MediaType == "multipart/report" {
			return true
		}
	}
	return false
}
