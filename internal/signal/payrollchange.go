package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// payrollChange finds requests from outside of the tenant to pay a salary to another
// account. Proved mail of the own domain, and newsletters about payroll, pass.
func payrollChange() Signal {
	return Signal{
		ID: "payroll-change", Name: "Salary to a new account", Class: verdict.ClassBEC, Weight: 4, Since: "0.1",
		Why: "The message wants a salary paid to another account: %s.",
		Find: func(e *evidence.Evidence) []Match {
			author := e.Author().Domain
			inside := ownDomain(e, author) && (e.AuthorProved() || e.FromInside())
			if inside || e.Message.Header().Has("List-Unsubscribe") {
				return nil
			}
			return wordingIn(e, topicPayroll, 0.9, 2, isShort)
		},
	}
}
