package signal

import (
	"outrider/internal/attachment"
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// documentAction finds documents and archives that act when opened, or that are built to
// hide their contents. Macros that wait for a click belong to office-macro; ordinary links,
// local templates, forms and fields pass.
func documentAction() Signal {
	return Signal{
		ID: "document-action", Name: "Document that acts when opened", Class: verdict.ClassMalware, Weight: 6.5, Since: "0.3",
		Why: "The attachment %s is dangerous to open: %s.",
		Find: func(e *evidence.Evidence) []Match {
			var worst Match
			for _, f := range e.Files() {
				for i := range f.Harms {
					h := &f.Harms[i]
					if how, times := actions(h); times > worst.Times {
						worst = Match{Portion: verdict.PortionAttachment, Field: f.Part.Path, Value: f.Label() + ": " + h.Detail, Args: []any{f.Label(), how}, Times: times}
					}
				}
			}
			if worst.Times == 0 {
				return nil
			}
			return one(worst)
		},
	}
}

// actions describes a harm in words, and returns its weight.
func actions(h *attachment.Harm) (how string, times float64) {
	switch h.Kind {
	case attachment.HarmAutoMacro:
		return "its macros run when it opens", 0.9
	case attachment.HarmAutoSheet:
		return "a macro sheet starts programs when it opens", 1.5
	case attachment.HarmMacroSheet:
		return "it holds a macro sheet of an old kind", 1
	case attachment.HarmDDE:
		return "a field in it starts a program", 1.5
	case attachment.HarmLaunch:
		return "it starts a program", 1.5
	case attachment.HarmOpenScript:
		return "a script in it runs when it opens", 1
	case attachment.HarmScript:
		return "it holds a script", 0.3
	case attachment.HarmRemoteTemplate:
		return "it fetches a template from the network, which brings macros with it", 1
	case attachment.HarmRemoteObject:
		return "it fetches an object from the network", 1
	case attachment.HarmEquation:
		return "it holds an equation of an old kind, which attackers use to run programs", 1
	case attachment.HarmProgram:
		return "it carries a program", 1.5
	case attachment.HarmSubmitForm:
		return "its form sends away what you fill in", 0.4
	case attachment.HarmOpenSubmit:
		return "it sends its form away as soon as it opens", 1
	case attachment.HarmKnownPassword:
		return "it is locked with a password that everybody knows, so that scanners do not see it", 1
	case attachment.HarmTwoNames:
		return "it names one file in two ways", 1
	case attachment.HarmUnopened:
		return "what it holds could not be checked", 0.95
	case attachment.HarmMacro, attachment.HarmLocked: // see office-macro and encrypted-archive
	}
	return "", 0
}
