package evidence

import (
	"slices"

	"outrider/internal/attachment"
	"outrider/internal/budget"
)

// Unread describes the content of the message that was not read and could be harmful, in
// the words that verdicts use; nil if everything was read. Unopened reports content that
// was not read for lack of time.
func (e *Evidence) Unread() []string {
	_, _ = e.Texts(), e.Files() // read first: reading consumes the budget
	var out []string
	for _, r := range e.Budget.Exceeded() {
		if couldHarm(r) {
			out = append(out, r.String())
		}
	}
	for _, f := range e.Files() {
		if f.Report == nil || !f.Attached {
			continue
		}
		for _, n := range f.Report.Notes {
			if hides(n.Kind) && !slices.Contains(out, string(n.Kind)) {
				out = append(out, string(n.Kind))
			}
		}
	}
	return out
}

// couldHarm reports whether content beyond a bound can be a lure or a program. Skipped DNS
// queries and style rules cannot.
func couldHarm(r budget.Resource) bool {
	switch r {
	case budget.Parts, budget.Depth, budget.HeaderBytes, budget.HeaderFields, budget.DecodedBytes, budget.HTMLNodes, budget.URLs,
		budget.UnpackedBytes, budget.Addresses, budget.Text:
		return true
	default:
		return false
	}
}

// hides reports whether a note means that part of a file was not examined.
func hides(k attachment.NoteKind) bool {
	switch k {
	case attachment.NoteBytes, attachment.NoteFiles, attachment.NoteDepth, attachment.NoteEntries, attachment.NoteMemory, attachment.NoteWindow,
		attachment.NoteRounds, attachment.NoteRatio, attachment.NoteStalled, attachment.NotePanic, attachment.NoteMany:
		return true
	default:
		return false
	}
}
