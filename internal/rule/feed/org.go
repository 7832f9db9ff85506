package feed

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"outrider/internal/config"
	"outrider/internal/evidence/mdm"
	"outrider/internal/rule"
	"outrider/internal/rule/result"
)

// Names of the lists about the organisation.
const (
	vips         = "org_vips"
	displayNames = "org_display_names"
	orgDomains   = "org_domains"
	orgSLDs      = "org_slds"
	tenantNames  = "tenant_domains"
)

// organisational are lists that only the organisation itself can fill. Feeds contain empty
// ones, which would mean that there are no people to protect.
var organisational = map[string]bool{vips: true, displayNames: true, orgDomains: true, orgSLDs: true, tenantNames: true, "org_brand_names": true}

// historical are lists that the history of the tenant fills.
var historical = map[string]bool{"sender_emails": true, "sender_domains": true, "recipient_emails": true, "recipient_domains": true}

// OrgLists returns the configuration of a tenant as lists for rules: its domains, and the
// names and addresses of its people. If "people" is configured without entries, their lists
// are empty, and rules are decided; without "people" the lists are missing, and rules that
// need them are indeterminate. A nil tenant has no lists.
func OrgLists(t *config.Tenant) rule.Named {
	out := make(rule.Named)
	if t == nil {
		return out
	}
	var domains, slds []string
	for i := range t.Domains {
		d := mdm.NewDomain(t.Domains[i].Name)
		domains = append(domains, d.Domain)
		if d.SLD != nil {
			slds = append(slds, *d.SLD)
		}
	}
	out[orgDomains], out[tenantNames] = listOf(domains), listOf(domains)
	out[orgSLDs] = listOf(slds)
	if t.People == nil {
		return out
	}
	var names []string
	var persons []result.Person
	for _, p := range t.People {
		names = append(names, p.Name)
		for _, a := range p.Addresses {
			persons = append(persons, result.Person{DisplayName: p.Name, Email: mdm.NewEmail(a).Email})
		}
	}
	out[displayNames], out[vips] = listOf(names), rule.NewPeople(persons)
	return out
}

// AllOrgLists returns the combined lists of several tenants. People are missing only if no
// tenant has any.
func AllOrgLists(tenants []config.Tenant) rule.Named {
	var all config.Tenant
	for i := range tenants {
		all.Domains = append(all.Domains, tenants[i].Domains...)
		if all.People == nil && tenants[i].People != nil {
			all.People = []config.Person{}
		}
		all.People = append(all.People, tenants[i].People...)
	}
	return OrgLists(&all)
}

// listOf returns a list of distinct texts, in order.
func listOf(texts []string) *rule.List {
	slices.Sort(texts)
	return rule.NewList(slices.Compact(texts))
}

// people parses lines such as "Ann Example <ann@example.org>".
func people(lines []string) (*rule.List, error) {
	persons := make([]result.Person, 0, len(lines))
	for i, line := range lines {
		a, err := mail.ParseAddress(line)
		if err != nil {
			return nil, fmt.Errorf("reading person %d: write Name <address>: %w", i+1, err)
		}
		persons = append(persons, result.Person{DisplayName: strings.TrimSpace(a.Name), Email: mdm.NewEmail(a.Address).Email})
	}
	return rule.NewPeople(persons), nil
}
