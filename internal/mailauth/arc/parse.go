package arc

import (
	"strconv"
	"strings"

	"outrider/internal/mailauth/authres"
	"outrider/internal/mailauth/dkim"
)

// The fields of a set, in the order in which they are sealed.
const (
	nameResults   = "arc-authentication-results"
	nameSignature = "arc-message-signature"
	nameSeal      = "arc-seal"
)

// Bounds on a chain.
const (
	// RFC 8617, Section 4.2.1: instances go from 1 to 50.
	maxSets = 50
	// maxText bounds the bytes of one set of results, which every later seal hashes again;
	// large receivers write 4 KiB.
	maxText = 32 << 10
)

// set holds the fields of one instance. The zero Field stands for a missing one.
type set struct {
	results, signature, seal          dkim.Field
	hasResults, hasSignature, hasSeal bool
	ams, as                           dkim.Params
}

// problem is the first error found.
type problem struct {
	why    Why
	at     int
	detail string
	temp   bool
}

// collect sorts the fields into sets; sets[0] has instance 1. It stops at the first
// misplaced field.
func collect(m *dkim.Message) (sets []set, highest int, p *problem) {
	for _, name := range []string{nameResults, nameSignature, nameSeal} {
		fields := m.All(name)
		if len(fields) > maxSets {
			return sets, maxSets, &problem{why: WhyInstance, detail: "more than 50 sets"}
		}
		for _, f := range fields {
			n := instance(name, f.Value())
			if n == 0 {
				return sets, highest, &problem{why: WhyInstance, detail: "i= of " + name + " is no instance"}
			}
			highest = max(highest, n)
			for len(sets) < n {
				sets = append(sets, set{})
			}
			if !sets[n-1].put(name, f) {
				return sets, highest, &problem{why: WhyDuplicate, at: n, detail: "two fields " + name}
			}
		}
	}
	return sets, highest, nil
}

func (s *set) put(name string, f dkim.Field) bool {
	field, has := &s.results, &s.hasResults
	switch name {
	case nameSignature:
		field, has = &s.signature, &s.hasSignature
	case nameSeal:
		field, has = &s.seal, &s.hasSeal
	}
	if *has {
		return false
	}
	*field, *has = f, true
	return true
}

// instance returns the value of i=, or 0.
func instance(name, value string) int {
	if name == nameResults {
		// RFC 8617, Section 4.1.1: i= comes first, before the authserv-id.
		first, _, ok := strings.Cut(value, ";")
		tag, err := dkim.ParseTag(first)
		if !ok || err != nil || tag.Name != "i" {
			return 0
		}
		return number(tag.Value)
	}
	tags, err := dkim.ParseTags(value)
	if err != nil {
		return 0
	}
	i, _ := tags.Get("i")
	return number(i)
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxSets || strconv.Itoa(n) != s {
		return 0
	}
	return n
}

// structure parses the fields of every set and checks that the sets are complete and the
// cv= in order.
func structure(sets []set) *problem {
	for i := range sets {
		if p := sets[i].parse(i + 1); p != nil {
			return p
		}
	}
	return nil
}

func (s *set) parse(n int) *problem {
	if !s.hasResults || !s.hasSignature || !s.hasSeal {
		return &problem{why: WhyIncomplete, at: n, detail: "a field of the set is missing"}
	}
	if len(s.results.Raw()) > maxText {
		return &problem{why: Why(dkim.WhySyntax), at: n, detail: "the results are too long"}
	}
	var err error
	if s.ams, err = dkim.ParseParams(s.signature); err != nil {
		return broken(err, n)
	}
	if s.as, err = dkim.ParseSeal(s.seal); err != nil {
		return broken(err, n)
	}
	for _, h := range s.ams.Names {
		// RFC 8617, Section 4.1.2: the message signature must not cover seals.
		if h == nameSeal {
			return &problem{why: Why(dkim.WhySyntax), at: n, detail: "the message signature covers a seal"}
		}
	}
	// RFC 8617, Section 4.1.3: a seal has no h=; with one, the chain has failed.
	if _, ok := s.as.Tags.Get("h"); ok {
		return &problem{why: Why(dkim.WhySyntax), at: n, detail: "the seal has h="}
	}
	return s.checkCV(n)
}

// checkCV checks the sealer's cv=. RFC 8617, Section 5.2: "none" for the first set, "pass"
// for every later one.
func (s *set) checkCV(n int) *problem {
	cv, _ := s.as.Tags.Get("cv")
	switch {
	case cv == "fail":
		return &problem{why: WhySealedFail, at: n, detail: "the sealer found the chain broken"}
	case n == 1 && cv != "none" || n > 1 && cv != "pass":
		return &problem{why: WhyCV, at: n, detail: "cv= does not fit the instance"}
	}
	return nil
}

// view returns the exported form of a set.
func (s *set) view(n int) Set {
	out := Set{Instance: n, Domain: s.as.Domain, Selector: s.as.Selector, Signer: s.ams.Domain}
	out.CV, _ = s.as.Tags.Get("cv")
	if !s.hasResults {
		return out
	}
	_, text, _ := strings.Cut(s.results.Value(), ";")
	out.Text = strings.Join(strings.Fields(text[:min(len(text), maxText)]), " ")
	field := authres.Parse(out.Text)
	out.AuthServID, out.Results = field.Host, field.Results
	return out
}
