package mailflow

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"outrider/internal/message"
	"outrider/internal/policy"
	"outrider/internal/relay"
	"outrider/internal/smtp"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

// Names of the fields that Outrider writes. Whatever a message brings along under the
// prefix was not written by us, or not about this judgement, and is removed.
const (
	headerPrefix      = "x-outrider-"
	headerDisposition = "X-Outrider-Disposition"
	headerVerdict     = "X-Outrider-Verdict"
	headerSignature   = "X-Outrider-Signature"
	headerTrace       = "X-Outrider-Trace"
	headerReleased    = "X-Outrider-Released"
)

// maxPasses is how often one message may come through this installation: outbound,
// inbound and once more by a forwarding rule. More is a loop.
const maxPasses = 3

// checkLoop refuses a message that goes round.
// RFC 5321, Section 6.3: counting Received fields, with a limit of at least 100 hosts
// in theory; mail in practice stays under 30.
func (f *Flow) checkLoop(l *inflight) error {
	h := l.judged.Message.Header()
	if n := len(h.All("Received")); n > l.settings.MaxHops {
		return &smtp.Error{Code: 554, Enhanced: "5.4.6", Text: "Message loops: too many hops", Err: fmt.Errorf("%d received fields", n)}
	}
	if n := f.signer.passes(h); n >= maxPasses {
		return &smtp.Error{Code: 554, Enhanced: "5.4.6", Text: "Message loops through this host", Err: fmt.Errorf("%d passes", n)}
	}
	return nil
}

// prepare renders one copy per decision, and notes in the decision what could not be done.
func (f *Flow) prepare(ctx context.Context, l *inflight, decisions []policy.Decision) error {
	for i := range decisions {
		d := &decisions[i]
		c := Copy{Job: relay.Job{Envelope: l.received.Envelope, Traits: l.received.Traits}}
		c.Job.Envelope.Recipients = muteForged(d.Recipients, &l.judged)
		if d.Action == tenant.ActionDeliver || d.Action == tenant.ActionQuarantine {
			content, err := f.render(ctx, l, d)
			if err != nil {
				return fmt.Errorf("preparing %s: %w", l.received.ID, err)
			}
			d.Skipped = content.Skipped // what of the decision could not be done to the message
			if d.Action == tenant.ActionDeliver {
				c.Job.Content = content
				c.Job.Traits.EightBit = c.Job.Traits.EightBit || content.AddsEightBit() // RFC 6152, Section 3
			} else {
				c.Trace = content.Patch()
			}
		}
		c.Decision = *d
		l.copies = append(l.copies, c)
	}
	return nil
}

// render edits the message as decided: tag and banner first, then our own header,
// whose signature covers the body as it is sent.
func (f *Flow) render(ctx context.Context, l *inflight, d *policy.Decision) (*message.Rendition, error) {
	m, host := l.judged.Message, l.settings.Hostname
	edit := message.Edit{SubjectPrefix: d.SubjectPrefix, Remove: func(field message.Field) bool {
		return strings.HasPrefix(field.Key, headerPrefix) || field.Key == "authentication-results" && wroteBy(m, field, host)
	}}
	if d.Banner != "" {
		// A signature keeps no warning away; mail that is only from outside stays as it was signed.
		edit.Banner = &message.Banner{Text: d.Banner, HTML: bannerHTML(d), Beside: d.Disposition >= verdict.Spam}
	}
	var w message.HeaderWriter
	if err := f.header(&w, l, d, edit); err != nil {
		return nil, err
	}
	edit.Prepend = w.Bytes()
	rendered, err := m.Render(l.received.Body, edit)
	if err != nil || l.settings.Sealer == nil || l.settings.Engine == nil || d.Action != tenant.ActionDeliver {
		return rendered, err
	}
	return f.seal(ctx, l, rendered, edit)
}

// seal renders the message again with our set of its ARC chain on top. Its signature
// covers what is sent, so it comes last.
func (f *Flow) seal(ctx context.Context, l *inflight, rendered *message.Rendition, edit message.Edit) (*message.Rendition, error) {
	var leaving bytes.Buffer
	if _, err := rendered.WriteTo(&leaving); err != nil {
		return nil, fmt.Errorf("reading what is sealed: %w", err)
	}
	set, err := l.settings.Sealer.Seal(ctx, &l.judged.Auth, leaving.Bytes(), l.settings.Hostname, time.Now())
	if err != nil {
		f.log.WarnContext(ctx, "ARC sealing failed", "message_id", l.received.ID, "error", err)
		return rendered, nil
	}
	edit.Prepend = append([]byte(set), edit.Prepend...)
	return l.judged.Message.Render(l.received.Body, edit)
}

// wroteBy reports whether an Authentication-Results field claims to be from host.
// RFC 8601, Section 5: such copies must go, since only our own may carry our name.
func wroteBy(m *message.Message, f message.Field, host string) bool {
	return strings.EqualFold(authservID(m.Header().Value(f)), host)
}

// authservID returns the name that an Authentication-Results field begins with, as a
// token or quoted, and after comments (RFC 8601, Section 2.2). Quotes are not looked
// at closely: what a careless reader could take for our name has to go as well.
func authservID(v string) string {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(v) && (v[i] != ';' || depth > 0); i++ {
		switch c := v[i]; {
		case c == '(':
			depth++
			b.WriteByte(' ')
		case c == ')':
			depth = max(depth-1, 0)
		case c == '\\' || c == '"' || depth > 0:
			if c == '\\' && depth > 0 {
				i++ // an escaped parenthesis does not count
			}
		default:
			b.WriteByte(c)
		}
	}
	if f := strings.Fields(b.String()); len(f) > 0 {
		return f[0]
	}
	return ""
}

// bannerHTML shows the text of the banner in a box whose colour says how bad it is. Render
// adds what defends it.
func bannerHTML(d *policy.Decision) string {
	colour := "#8a6d00"
	if d.Disposition >= verdict.Suspicious {
		colour = "#9c1c1c"
	}
	return `<div role="alert" style="border:1px solid ` + colour + `;border-left-width:6px;padding:8px 12px">` +
		strings.ReplaceAll(html.EscapeString(d.Banner), "\n", "<br>") + `</div>`
}

// header writes our fields, top-most last in the list.
func (f *Flow) header(w *message.HeaderWriter, l *inflight, d *policy.Decision, edit message.Edit) error {
	r, s := l.received, l.settings
	h := l.judged.Message.Header()
	var add fields
	if s.Engine != nil {
		if d.Headers {
			add.put(headerDisposition, d.Disposition.String())
			add.put(headerVerdict, verdictValue(&l.judged.Verdict, &d.Reason))
			sent, sum, err := f.asSent(l, edit)
			if err != nil {
				return err
			}
			add.put(headerSignature, f.signer.sign(d.Disposition.String(), verdictValue(&l.judged.Verdict, &d.Reason), sent, sum))
		}
		add.put("Authentication-Results", l.judged.Auth.Header(s.Hostname))
	}
	add.put(headerTrace, f.signer.trace(h))
	add.put("Received", receivedValue(r, s.Hostname))
	for _, x := range slices.Backward(add) {
		if err := w.Add(x.name, x.value); err != nil {
			return fmt.Errorf("writing %s: %w", x.name, err)
		}
	}
	return nil
}

type fields []struct{ name, value string }

func (f *fields) put(name, value string) {
	*f = append(*f, struct{ name, value string }{name, value})
}

// asSent returns the header, without our own fields, and the SHA-256 of the body as they
// will be sent.
func (f *Flow) asSent(l *inflight, edit message.Edit) (*message.Header, []byte, error) {
	r, err := l.judged.Message.Render(l.received.Body, edit)
	if err != nil {
		return nil, nil, err
	}
	header, sum, err := sumBody(r)
	if err != nil {
		return nil, nil, err
	}
	return message.Parse(header, nil).Header(), sum, nil
}

// maxListed is how many findings the header lists: the heaviest explain the verdict,
// and the rest is in the store.
const maxListed = 20

// verdictValue lists the findings with their weights, after the list entry or rule that decided.
func verdictValue(v *verdict.Verdict, why *verdict.Reason) string {
	parts := []string{"score=" + strconv.FormatFloat(round(v.Score), 'f', -1, 64)}
	if why.By != verdict.ByDisposition {
		parts = append(parts, "reason="+atom(why.Code()))
	}
	for _, f := range v.Findings[:min(len(v.Findings), maxListed)] {
		parts = append(parts, fmt.Sprintf("%s (%s %+.1f)", f.ID, f.Class, f.Weight))
	}
	if len(v.Degraded) > 0 {
		parts = append(parts, "degraded="+strings.Join(slices.Sorted(slices.Values(v.Degraded)), ","))
	}
	return strings.Join(parts, "; ")
}

func round(x float64) float64 { return math.Round(x*1000) / 1000 }

// receivedValue is the trace of this hop.
// RFC 5321, Section 4.4: "for" only where there is one recipient, so that none of
// several is told of another.
func receivedValue(r *message.Received, host string) string {
	p := &r.Peer
	var b strings.Builder
	fmt.Fprintf(&b, "from %s", atom(p.Helo))
	if p.Addr.IsValid() {
		literal := p.Addr.String()
		if p.Addr.Is6() {
			literal = "IPv6:" + literal
		}
		if p.Name != "" {
			literal = atom(p.Name) + " [" + literal + "]"
			fmt.Fprintf(&b, " (%s)", literal)
		} else {
			fmt.Fprintf(&b, " ([%s])", literal)
		}
	}
	fmt.Fprintf(&b, " by %s (Outrider) with %s", host, p.Protocol)
	if p.TLSVersion != "" {
		fmt.Fprintf(&b, " (%s %s)", p.TLSVersion, p.TLSCipher)
	}
	fmt.Fprintf(&b, " id %s", r.ID)
	if rs := r.Envelope.Recipients; len(rs) == 1 {
		fmt.Fprintf(&b, " for <%s>", rs[0].Address)
	}
	return b.String() + "; " + r.At.Format(time.RFC1123Z)
}

// atom keeps what cannot end a token or open a comment.
func atom(s string) string {
	s = strings.Map(func(c rune) rune {
		if c > ' ' && c < 0x7f && !strings.ContainsRune(`()<>;,"\`, c) {
			return c
		}
		return -1
	}, s)
	if s == "" {
		return "unknown"
	}
	return s[:min(len(s), 255)]
}
