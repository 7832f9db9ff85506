package signal

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"outrider/internal/address"
	"outrider/internal/evidence"
	"outrider/internal/observable"
)

//go:embed lists/phrases.txt
var phrasesText string

//go:embed lists/brands.txt
var brandsText string

//go:embed lists/freemail.txt
var freemailText string

//go:embed lists/shorteners.txt
var shortenersText string

//go:embed lists/hosting.txt
var hostingText string

//go:embed lists/suffixes.txt
var suffixesText string

//go:embed lists/services.txt
var servicesText string

// topic is one section of lists/phrases.txt.
type topic int

const (
	topicCredential topic = iota
	topicCrypto
	topicPrize
	topicMiracle
	topicSEO
	topicTrade
	topicAdvance
	topicExtortion
	topicFavour
	topicPayment
	topicPayroll
	topicCallback
	topicProcurement
	topicSecret
	topicGreeting
	topicRemoval
	topicAccount
	topicDemand
	numTopics
)

// sections holds the names of the topics in the list.
var sections = [numTopics]string{
	"credential", "crypto", "prize", "miracle", "seo", "trade", "advance", "extortion", "favour", "payment", "payroll",
	"callback", "procurement", "secret", "greeting", "removal", "account", "demand",
}

// tables holds the lists in searchable form. They are built on first use and never change.
type tables struct {
	phrases    *observable.Lexicon
	brands     []brand
	brandWords *observable.Lexicon // its topics are the indexes of brands
	freemail   map[string]bool
	shorteners map[string]bool
	hosting    map[string]bool
	suffixes   map[string]bool
	services   map[string]bool
}

// brand is a name that attackers imitate, and the domains that may use it.
type brand struct {
	name    string
	domains []string
}

var lists = sync.OnceValue(func() *tables {
	t := &tables{
		phrases: observable.NewLexicon(parsePhrases(phrasesText)), freemail: parseSet(freemailText),
		shorteners: parseSet(shortenersText), hosting: parseSet(hostingText), suffixes: parseSet(suffixesText),
		services: parseSet(servicesText),
	}
	var words []observable.Phrase
	t.brands, words = parseBrands(brandsText)
	t.brandWords = observable.NewLexicon(words)
	return t
})

// lines yields the lines of a list without comments.
func lines(text string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if line != "" && line[0] != '#' && !yield(line) {
				return
			}
		}
	}
}

func parsePhrases(text string) []observable.Phrase {
	var out []observable.Phrase
	current := -1
	for line := range lines(text) {
		if name, ok := strings.CutPrefix(line, "["); ok {
			current = sectionIndex(strings.TrimSuffix(name, "]"))
			continue
		}
		for p := range strings.SplitSeq(line, "|") {
			if p = strings.TrimSpace(p); p != "" && current >= 0 {
				out = append(out, observable.Phrase{Topic: current, Text: p})
			}
		}
	}
	return out
}

func sectionIndex(name string) int {
	for i, s := range sections {
		if s == name {
			return i
		}
	}
	return -1
}

func parseSet(text string) map[string]bool {
	m := make(map[string]bool)
	for line := range lines(text) {
		for f := range strings.FieldsSeq(line) {
			m[f] = true
		}
	}
	return m
}

func parseBrands(text string) (brands []brand, words []observable.Phrase) {
	for line := range lines(text) {
		names, domains, _ := strings.Cut(line, ":")
		b := brand{}
		for n := range strings.SplitSeq(names, "|") {
			n = strings.TrimSpace(n)
			if b.name == "" {
				b.name = n
			}
			words = append(words, observable.Phrase{Topic: len(brands), Text: n})
		}
		for d := range strings.SplitSeq(domains, ",") {
			b.domains = append(b.domains, strings.TrimSpace(d))
		}
		brands = append(brands, b)
	}
	return brands, words
}

// owns reports whether the domain may use the name of the brand.
func (b *brand) owns(domain string) bool {
	for _, d := range b.domains {
		label, wild := strings.CutSuffix(d, ".*")
		// The label is searched first: finding the brand of a domain costs more.
		if wild && strings.Contains(domain, label) && observable.Brand(domain) == label || !wild && address.Within(domain, d) {
			return true
		}
	}
	return false
}

// listed reports whether the domain or a parent domain is in the set.
func listed(set map[string]bool, domain string) bool {
	for domain != "" {
		if set[domain] {
			return true
		}
		_, rest, ok := strings.Cut(domain, ".")
		if !ok {
			return false
		}
		domain = rest
	}
	return false
}

func isFreemail(domain string) bool {
	return listed(lists().freemail, domain) || observable.Brand(domain) == "yahoo"
}

// phrases returns the phrases of a topic in the message.
func phrases(e *evidence.Evidence, t topic) []string { return e.Phrases(lists().phrases)[int(t)] }

// maxStrength bounds the phrases that are added up; more add no information.
const maxStrength = 40

// strength adds up phrases: long ones count more than single words, which occur in all
// kinds of mail; phrases within another phrase do not count.
func strength(found []string) float64 {
	found = found[:min(len(found), maxStrength)]
	sum := 0.0
	for i, p := range found {
		within := slices.ContainsFunc(found, func(o string) bool { return len(o) > len(p) && strings.Contains(o, p) })
		switch n := strings.Count(p, " "); {
		case within || slices.Contains(found[:i], p):
		case n >= 2:
			sum++
		case n == 1, len(p) >= 9 && p[0] >= 0xE0: // three characters of a script without spaces
			sum += 0.7
		default:
			sum += 0.4
		}
	}
	return sum
}

// worded returns how strongly a topic is present: 0 up to low, 1 at high, at most 2.
func worded(found []string, low, high float64) float64 {
	return min(max((strength(found)-low)/(high-low), 0), 2)
}

// quoted joins the first phrases for display.
func quoted(found []string) string {
	return strings.Join(found[:min(len(found), 5)], ", ")
}
