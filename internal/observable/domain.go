package observable

import (
	"strings"

	"golang.org/x/net/publicsuffix"

	"outrider/internal/address"
)

// IsKnownSuffix reports whether a domain ends with a delegated public suffix; file names
// such as "report.final" do not.
func IsKnownSuffix(domain string) bool {
	suffix, icann := publicsuffix.PublicSuffix(domain)
	return icann && suffix != domain || strings.Contains(suffix, ".") && suffix != domain
}

// Brand returns the label below the public suffix of a domain, which identifies its owner.
func Brand(domain string) string {
	org := address.Organizational(domain)
	label, _, _ := strings.Cut(org, ".")
	return label
}

// Imitates reports whether domain imitates target, another domain, and how.
func Imitates(domain, target string) (how string, ok bool) {
	if domain == "" || target == "" || address.SameOrganization(domain, target) {
		return "", false
	}
	a, b := Brand(domain), Brand(target)
	switch {
	case contains(domain, target):
		return "its name stands in front of another domain", true
	case len(b) < 4:
		return "", false // short names are too common
	case a == b:
		// RFC 2606, Section 3: the name is reserved for documentation, so tests and samples
		// use it with several endings.
		return "it has another ending", a != "example"
	case Skeleton(address.Unicode(a)) == Skeleton(address.Unicode(b)):
		return "it looks the same", true
	case len(b) >= 6 && OneEdit(a, b):
		return "one letter differs", true
	case len(b) >= 6 && hasWord(a, b):
		return "a word is added", true
	default:
		return "", false
	}
}

// contains reports whether domain has all labels of target, other than at its end:
// "example.org.login.test", and with a hyphen "example-org.test".
func contains(domain, target string) bool {
	rest := strings.TrimSuffix(domain, address.Organizational(domain))
	if strings.HasPrefix(rest, target+".") || strings.Contains(rest, "."+target+".") {
		return true
	}
	flat := strings.ReplaceAll(target, ".", "-")
	return len(flat) >= 8 && (strings.HasPrefix(domain, flat+".") || strings.HasPrefix(domain, flat+"-") || strings.Contains(domain, "."+flat+"."))
}

// hasWord reports whether label is word with an addition at a hyphen, or joined with a
// common word.
func hasWord(label, word string) bool {
	if strings.HasPrefix(label, word+"-") || strings.HasSuffix(label, "-"+word) || strings.Contains(label, "-"+word+"-") {
		return true
	}
	for _, extra := range [...]string{"login", "secure", "mail", "online", "support", "portal", "pay", "group", "inc", "account", "invoice", "corp"} {
		if label == word+extra || label == extra+word {
			return true
		}
	}
	return false
}

// OneEdit reports whether a becomes b by adding, dropping or changing one byte, or by
// swapping two adjacent bytes.
func OneEdit(a, b string) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	if len(a)-len(b) > 1 || a == b {
		return false
	}
	i := 0
	for i < len(b) && a[i] == b[i] {
		i++
	}
	if len(a) > len(b) {
		return a[i+1:] == b[i:]
	}
	if a[i+1:] == b[i+1:] {
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
