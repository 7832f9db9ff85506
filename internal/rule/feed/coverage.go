package feed

import (
	"slices"
	"strings"

	"outrider/internal/rule"
	"outrider/internal/rule/outcome"
	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// publishedLists are the lists in the public feed's documentation, besides those of the
// organisation and its history.
const publishedLists = " abuse_ch_malwarebazaar_sha256_trusted_reporters abuse_ch_urlhaus_domains_trusted_reporters alexa_1m bulk_mailer_url_root_domains" +
	" disposable_email_providers email_forwarding_domains file_extensions_common_archives file_extensions_executables file_extensions_macros" +
	" file_extensions_suspicious file_types_images free_email_providers free_file_hosts free_subdomain_hosts high_trust_sender_root_domains" +
	" majestic_million parked_domain_nameservers replyto_service_domains self_service_creation_platform_domains social_landing_hosts suspicious_content" +
	" suspicious_subjects suspicious_subjects_regex suspicious_tlds tranco_10k tranco_50k tranco_1m umbrella_1m umbrella_1m_tld url_shorteners "

// step is one more capability.
type step struct {
	name string
	adds schema.Capability
}

// steps are the capabilities in counting order, each added to the previous ones.
var steps = []step{
	{"core", 0},
	{"+ history", schema.History},
	{"+ whois", schema.Whois},
	{"+ attachments", schema.Files},
	{"+ QR codes", schema.QR},
	{"+ text in pictures", schema.OCR},
	{"+ language model", schema.Language},
	{"+ browser", schema.Browser},
	{"+ screenshots", schema.Screenshot},
	{"+ logos", schema.Logos},
	{"+ the rest", ^schema.Capability(0)},
}

// own are the capabilities without models or a browser.
const own = schema.History | schema.Whois | schema.Files | schema.QR | schema.OCR

// Tier is the number of usable detection rules with a capability and all previous ones.
type Tier struct {
	Name string `json:"name"`
	// Strict counts rules with everything that they use.
	Strict int `json:"strict"`
	// CanFire counts rules that can match, with null for missing capabilities.
	CanFire int `json:"can_fire"`
}

// Short is a rule that lacks a model, a browser, or an unavailable list.
type Short struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Feed    string   `json:"feed"`
	Path    string   `json:"path"`
	Missing []string `json:"missing"` // capabilities, and lists with a dollar sign
	CanFire bool     `json:"can_fire"`
}

// coverage counts detection rules by their needs.
type coverage struct {
	functions schema.Functions
	lists     func(string) bool // reports whether a list is or can be available
	tiers     []Tier
	short     []Short
	needs     map[string]int
}

func newCoverage(lists func(string) bool) *coverage {
	c := &coverage{functions: schema.NewFunctions(schema.NewTypes()), lists: lists, needs: make(map[string]int)}
	for _, s := range steps {
		c.tiers = append(c.tiers, Tier{Name: s.name})
	}
	return c
}

// add counts one detection rule.
func (c *coverage) add(r *rule.Rule, root syntax.Node, uses rule.Uses) {
	needs := uses.Needs
	if slices.ContainsFunc(uses.Lists, func(name string) bool { return historical[name] }) {
		needs |= schema.History
	}
	for _, name := range needs.Names() {
		c.needs[name]++
	}
	unknown := slices.DeleteFunc(slices.Clone(uses.Lists), func(name string) bool { return historical[name] || c.lists(name) })
	var have schema.Capability
	for i, s := range steps {
		have |= s.adds
		if needs&^have == 0 && len(unknown) == 0 {
			c.tiers[i].Strict++
		}
		if c.canFire(root, have) {
			c.tiers[i].CanFire++
		}
	}
	missing := (needs &^ own).Names()
	for _, name := range unknown {
		missing = append(missing, "$"+name)
	}
	if len(missing) > 0 {
		c.short = append(c.short, Short{r.ID, r.Name, r.Feed, r.Path, missing, c.canFire(root, own)})
	}
}

// canFire reports whether a rule can match with some capabilities.
func (c *coverage) canFire(root syntax.Node, have schema.Capability) bool {
	v := &outcome.Evaluator{Functions: c.functions, Have: have, List: func(name string) bool {
		if historical[name] {
			return have&schema.History != 0
		}
		return c.lists(name)
	}}
	return v.Of(root)&outcome.True != 0
}

// isPublicList reports whether the documentation of the feed lists a name as published or
// maintained by somebody.
func isPublicList(name string) bool {
	return organisational[name] || historical[name] || strings.Contains(publishedLists, " "+name+" ")
}
