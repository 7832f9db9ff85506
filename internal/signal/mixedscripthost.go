package signal

import (
	"strings"

	"outrider/internal/address"
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// mixedScriptHost finds domains that mix in look-alike letters of another alphabet, in the
// sender's address or in links. Domains in one alphabet pass.
func mixedScriptHost() Signal {
	return Signal{
		ID: "mixed-script-host", Name: "Domain with look-alike letters", Class: verdict.ClassPhish, Weight: 6, Since: "0.1",
		Why: "The domain %s uses letters of another alphabet to look like %s.",
		Find: func(e *evidence.Evidence) []Match {
			for _, c := range claims(e) {
				if !strings.Contains(c.domain, "xn--") {
					continue
				}
				shown := address.Unicode(c.domain)
				plain := observable.ASCIILookalikes(shown)
				if observable.MixesScripts(shown) || plain != shown && isASCII(plain) && !latinOnly(shown) {
					return one(Match{Portion: c.portion, Field: c.field, Value: c.domain, Args: []any{shown, plain}})
				}
			}
			return nil
		},
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// latinOnly reports whether a name has Latin letters only, such as "bücher": folding
// removes its accents, which are no disguise.
func latinOnly(s string) bool {
	return isASCII(observable.Fold(s))
}
