package history

import (
	"strings"
	"time"

	"outrider/internal/address"
)

// Thresholds of prevalence and of what can be known at all.
const (
	// Window is how far back messages are counted.
	Window = 90 * 24 * time.Hour
	// delaySlots is how many slots pass until a message counts for prevalence and in lists:
	// between eight and twelve hours, so that a wave does not make its sender usual while it
	// runs. For what was thought of messages one slot passes, at most four hours, so that a
	// message that is judged again does not see itself.
	delaySlots = 3
	// Young is how old a memory must be to say that something never was.
	Young = 7 * 24 * time.Hour

	maxOutlier  = 2  // messages in Window; also any number on one single day
	maxRare     = 5  // messages in Window
	maxUncommon = 20 // messages in Window
)

// Prevalence is how usual a sender is.
type Prevalence string

// The prevalences, from the first message on.
const (
	PrevalenceNew      Prevalence = "new"      // no message, or none but of the last hours
	PrevalenceOutlier  Prevalence = "outlier"  // one or two messages, all on one day, or none for Window
	PrevalenceRare     Prevalence = "rare"     // up to five
	PrevalenceUncommon Prevalence = "uncommon" // up to twenty
	PrevalenceCommon   Prevalence = "common"   // more
	PrevalenceUnknown  Prevalence = "unknown"  // the memory is too young to say
)

// Kind says by what a profile is asked for.
type Kind int

// The kinds of profiles.
const (
	ByAddress Kind = iota // of the author
	ByDomain              // of the author; subdomains count for their organizational domain
	ByReplyTo             // the address that replies go to
)

// Profile is what was known of a sender at one time. What is nil is not known. Days are
// whole days before that time.
type Profile struct {
	Prevalence   Prevalence
	Solicited    *bool // somebody of the tenant wrote to it before
	Benign       *bool // a message of it was released within Window
	Unwanted     *bool // a message of it was judged malicious or spam within Window
	AuthFailed   *bool // a message with its name was disowned within Window
	DaysKnown    *int  // since the first contact; 0 where this is the first
	FirstContact *int
	LastContact  *int
	LastInbound  *int
	LastOutbound *int
}

// View is the memory of one tenant as it was at one time. A nil view remembers nothing.
type View struct {
	memory *Memory
	tenant string
	at     time.Time
}

// View returns the memory of a tenant as it was at one time, or nil where there is none.
func (m *Memory) View(tenant string, at time.Time) *View {
	if m == nil || m.loading.Load() {
		return nil
	}
	return &View{memory: m, tenant: tenant, at: at}
}

// Profile returns what was known of an address or a domain. It reports false where the key
// is neither, or there is no memory.
func (v *View) Profile(kind Kind, key string) (Profile, bool) {
	if v == nil {
		return Profile{}, false
	}
	in, out, ok := recordKeys(kind, key)
	if !ok {
		return Profile{}, false
	}
	v.memory.mu.RLock()
	defer v.memory.mu.RUnlock()
	p := v.memory.tenants[v.tenant]
	if p == nil {
		p = &past{} // no mail yet
	}
	return p.profile(p.get(in), p.get(out), v.at), true
}

// recordKeys returns the key of what comes in and of what goes out. People do not write to an
// address for replies as such.
func recordKeys(kind Kind, key string) (in, out string, ok bool) {
	if kind == ByDomain {
		d, err := address.Domain(key)
		if err != nil {
			return "", "", false
		}
		return domainKey(d), domainKey(d), true
	}
	keys, ok := Keys(key)
	if kind == ByReplyTo {
		return replyKey(keys[0]), keys[0], ok
	}
	return keys[0], keys[0], ok
}

var nobody = &Record{}

// profile answers from the record of what came in and that of what went out.
func (p *past) profile(in, out *Record, at time.Time) Profile {
	if in == nil {
		in = nobody
	}
	if out == nil {
		out = nobody
	}
	old, oldSent := p.old(at), p.hasSent(at)
	us := at.UnixMicro()
	first, last := in.inbound(us)
	firstOut, lastOut := out.outbound(us)
	slots := in.within(at, 1)
	prof := Profile{
		Prevalence:  in.prevalence(at, old),
		Solicited:   certain(firstOut != 0, oldSent),
		Benign:      certain(anySlot(slots, Benign) || in != out && anySlot(out.within(at, 1), Benign), old),
		Unwanted:    certain(anySlot(slots, Unwanted), old),
		AuthFailed:  certain(anySlot(slots, Failed), old),
		LastInbound: days(last, at), LastOutbound: days(lastOut, at),
		FirstContact: days(earlier(first, firstOut), at), LastContact: days(max(last, lastOut), at),
	}
	if old {
		if prof.DaysKnown = prof.FirstContact; prof.DaysKnown == nil {
			prof.DaysKnown = new(int)
		}
	}
	return prof
}

// old reports whether the memory is old enough at a time to say that something never was.
func (p *past) old(at time.Time) bool {
	return p.since != 0 && at.Sub(time.UnixMicro(p.since)) >= Young
}

// hasSent reports the same about what the tenant sends. A gateway that sees no sent mail
// cannot tell whom the tenant never wrote to.
func (p *past) hasSent(at time.Time) bool {
	return p.sent != 0 && at.Sub(time.UnixMicro(p.sent)) >= Young
}

// certain returns an answer that is yes for certain, and no only where the memory is old
// enough.
func certain(yes, old bool) *bool {
	if !yes && !old {
		return nil
	}
	return &yes
}

// days returns the whole days from a time in microseconds, of which 0 is never.
func days(us int64, at time.Time) *int {
	if us == 0 {
		return nil
	}
	return new(int(at.Sub(time.UnixMicro(us)) / (24 * time.Hour)))
}

// within returns the slots of the window before a time, the youngest ones left out.
func (r *Record) within(at time.Time, leave uint32) []Slot {
	now := slotOf(at)
	if now < leave {
		return nil
	}
	slots := r.until(now - leave)
	from := slotOf(at.Add(-Window))
	for len(slots) > 0 && slots[0].At < from {
		slots = slots[1:]
	}
	return slots
}

func anySlot(slots []Slot, what What) bool {
	for i := range slots {
		if *slots[i].of(what) > 0 {
			return true
		}
	}
	return false
}

// inbound returns the first and last message that came in before a time. Of the last one
// before the present no more is known than its slot, and where even that is gone, no more
// than the first.
func (r *Record) inbound(before int64) (first, last int64) {
	return r.before(before, earlier(r.FirstIn, r.First), max(r.LastIn, r.Last), func(s *Slot) bool { return s.in() > 0 })
}

// outbound returns the same of messages that went out.
func (r *Record) outbound(before int64) (first, last int64) {
	return r.before(before, r.FirstOut, r.LastOut, func(s *Slot) bool { return s.Sent > 0 })
}

func (r *Record) before(before, first, last int64, counts func(*Slot) bool) (int64, int64) {
	switch {
	case first == 0 || first >= before:
		return 0, 0
	case last < before:
		return first, last
	}
	last = first
	slots := r.until(slotOf(time.UnixMicro(before)))
	for i := range slots {
		if at := int64(slots[i].At) * slotLength.Microseconds(); at < before && counts(&slots[i]) {
			last = max(last, at)
		}
	}
	return first, last
}

// prevalence says how usual the sender is.
func (r *Record) prevalence(at time.Time, old bool) Prevalence {
	messages, onDays, day := 0, 0, uint32(0)
	slots := r.within(at, delaySlots)
	for i := range slots {
		n := slots[i].in()
		if n == 0 {
			continue
		}
		messages += n
		if d := slots[i].At / uint32(24*time.Hour/slotLength); onDays == 0 || d != day {
			onDays, day = onDays+1, d
		}
	}
	if r.Folded && len(slots) > 0 && slots[0].At == r.Slots[0].At {
		onDays++ // the folded slot is of several days
	}
	switch {
	case messages > maxUncommon && onDays > 1:
		return PrevalenceCommon
	case !old:
		return PrevalenceUnknown
	case messages == 0 && !r.cameBefore(at):
		return PrevalenceNew
	case messages <= maxOutlier || onDays <= 1:
		return PrevalenceOutlier
	case messages <= maxRare:
		return PrevalenceRare
	default:
		return PrevalenceUncommon
	}
}

// cameBefore reports whether a message came early enough to count for prevalence.
func (r *Record) cameBefore(at time.Time) bool {
	first := earlier(r.FirstIn, r.First)
	return first != 0 && slotOf(time.UnixMicro(first))+delaySlots <= slotOf(at)
}

// List is a list that the memory answers.
type List int

// The lists of a tenant. Senders are those of whom a wanted message came in, with the delay
// of prevalence; recipients are those outside that the tenant wrote to.
const (
	SenderEmails List = iota
	SenderDomains
	RecipientEmails
	RecipientDomains
)

// Knows reports whether the memory is old enough to answer for a list.
func (v *View) Knows(l List) bool {
	if v == nil {
		return false
	}
	v.memory.mu.RLock()
	defer v.memory.mu.RUnlock()
	p := v.memory.tenants[v.tenant]
	switch {
	case p == nil:
		return false
	case l == RecipientEmails || l == RecipientDomains:
		return p.hasSent(v.at)
	default:
		return p.old(v.at)
	}
}

// Has reports whether a list has an address or a domain; a subdomain is on it with its
// organizational domain. Upper and lower case are the same.
func (v *View) Has(l List, text string) bool {
	if v == nil {
		return false
	}
	kind := ByAddress
	if l == SenderDomains || l == RecipientDomains {
		kind = ByDomain
	}
	key, _, ok := recordKeys(kind, text)
	if !ok {
		return false
	}
	v.memory.mu.RLock()
	defer v.memory.mu.RUnlock()
	p := v.memory.tenants[v.tenant]
	return p != nil && p.get(key).on(l, v.at)
}

// on reports whether the name is on a list at a time.
func (r *Record) on(l List, at time.Time) bool {
	switch {
	case r == nil:
		return false
	case l == RecipientEmails || l == RecipientDomains:
		return r.FirstOut != 0 && r.FirstOut < at.UnixMicro()
	case slotOf(at) < delaySlots:
		return false
	default:
		return anySlot(r.until(slotOf(at)-delaySlots), Wanted)
	}
}

// Len returns how many names are on a list. It looks at all that is remembered.
func (v *View) Len(l List) int {
	if v == nil {
		return 0
	}
	v.memory.mu.RLock()
	defer v.memory.mu.RUnlock()
	p := v.memory.tenants[v.tenant]
	if p == nil {
		return 0
	}
	n := 0
	p.all(func(key string, r *Record) {
		domain := strings.HasPrefix(key, "@")
		if domain == (l == SenderDomains || l == RecipientDomains) && !strings.HasPrefix(key, ">") && r.on(l, v.at) {
			n++
		}
	})
	return n
}
