package signal

import (
	"strings"

	"outrider/internal/evidence"
	"outrider/internal/message"
	"outrider/internal/verdict"
)

// mimeEvasion finds structure that mail programs interpret in different ways, which shows
// people content that filters miss. Faults of careless programs, such as missing header
// ends or long lines, pass.
func mimeEvasion() Signal {
	return Signal{
		ID: "mime-evasion", Name: "Structure made to be read in two ways", Class: verdict.ClassPhish, Weight: 2, Since: "0.1",
		Why: "The message is built so that one mail program shows something else than another.",
		Find: func(e *evidence.Evidence) []Match {
			if e.IsReport() || isDaemon(e) {
				return nil // old mail systems produce these
			}
			for _, d := range e.Message.Defects {
				if times := evasive(d.Kind); times > 0 {
					return one(Match{Portion: verdict.PortionStructure, Field: d.Part, Value: strings.TrimSuffix(string(d.Kind)+": "+d.Detail, ": "), Times: times})
				}
			}
			return nil
		},
	}
}

// evasive returns how strongly a defect indicates evasion.
func evasive(k message.DefectKind) float64 {
	switch k {
	case message.DefectDuplicateFrom:
		return 2
	case message.DefectDuplicateType, message.DefectNameConflict, message.DefectAmbiguousBoundary, message.DefectBoundaryReused,
		message.DefectBase64Padding, message.DefectEncodedContainer, message.DefectParamDuplicate, message.DefectDuplicateParam, message.DefectNUL:
		return 1
	default:
		return 0
	}
}
