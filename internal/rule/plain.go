package rule

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"outrider/internal/attachment/scan"
	"outrider/internal/evidence/mdm"
	"outrider/internal/observable"
	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// plain are the functions whose arguments are evaluated before the call.
var plain = map[string]func(*frame, *arguments) schema.Value{
	"sum":                   sum,
	"flatten":               flatten,
	"keys":                  keys,
	"values":                values,
	"strings.concat":        concatenate,
	"strings.count":         two(false, 0, count),
	"strings.icount":        two(true, 0, count),
	"strings.levenshtein":   two(false, maxDistance*utf8.UTFMax, distance),
	"strings.ilevenshtein":  two(true, maxDistance*utf8.UTFMax, distance),
	"strings.parse_url":     parseURL,
	"strings.parse_domain":  parse(parseDomain),
	"strings.parse_email":   parse(parseEmail),
	"strings.parse_json":    parse(parseJSON),
	"strings.parse_html":    parse(parseHTML),
	"strings.scan_base64":   scanBase64,
	"strings.decode_base64": parse(decodeBase64),
	"hash.sha256":           parse(sha),
	"file.parse_eml":        parseEML,
	"file.parse_html":       fileHTML,
	"file.parse_text":       fileText,
	"beta.file.parse_ics":   fileICS,
	"file.explode":          explode,
	"file.expand_archives":  expandArchives,
	"beta.parse_exif":       ofScan(func(s *scan.Scan) *scan.EXIF { return s.ExifTool }, 0),
	"beta.ocr":              ofScan(func(s *scan.Scan) *scan.OCRText { return s.Read }, schema.OCR),
	"beta.scan_qr":          ofScan(func(s *scan.Scan) *scan.QR { return s.Codes }, schema.QR),
	"file.oletools":         ofScan(func(s *scan.Scan) *scan.Oletools { return s.Oletools }, 0),
	"network.whois":         whois,

	"profile.by_sender":        profile(BySender),
	"profile.by_sender_email":  profile(BySenderEmail),
	"profile.by_sender_domain": profile(BySenderDomain),
	"beta.profile.by_reply_to": profile(ByReplyTo),
}

func length(v schema.Value) schema.Value {
	switch {
	case v.Kind() == schema.String:
		return schema.OfInt(int64(utf8.RuneCountInString(v.Text())))
	case v.List() != nil:
		return schema.OfInt(int64(v.List().Len()))
	case v.Map() != nil:
		return schema.OfInt(int64(v.Map().Len()))
	default:
		return schema.Value{}
	}
}

// sum adds the numbers of a list; null elements are ignored, and the sum of no numbers is
// 0.
func sum(f *frame, a *arguments) schema.Value {
	total := schema.OfInt(0)
	if l := a.values[0].List(); l != nil {
		for i := range l.Len() {
			if !f.spend(1) {
				return schema.Value{}
			}
			if v := l.At(i); !v.IsNull() {
				total = arithmetic(syntax.Add, total, v)
			}
		}
	}
	return total
}

func flatten(f *frame, a *arguments) schema.Value {
	var out schema.Values
	var add func(v schema.Value, depth int)
	add = func(v schema.Value, depth int) {
		l := v.List()
		if l == nil || depth > maxFlat {
			out = append(out, v)
			return
		}
		for i := range l.Len() {
			if !f.spend(1) {
				return
			}
			add(l.At(i), depth+1)
		}
	}
	if a.values[0].List() != nil {
		add(a.values[0], 0)
	}
	return schema.OfList(out)
}

// maxFlat bounds the nested lists that are flattened.
const maxFlat = 20

func keys(_ *frame, a *arguments) schema.Value {
	if m := a.values[0].Map(); m != nil {
		return schema.OfStrings(m.Keys())
	}
	return schema.Value{}
}

func values(_ *frame, a *arguments) schema.Value {
	m := a.values[0].Map()
	if m == nil {
		return schema.Value{}
	}
	var out schema.Values
	for _, k := range m.Keys() {
		v, _ := m.Get(k)
		out = append(out, v)
	}
	return schema.OfList(out)
}

func concatenate(f *frame, a *arguments) schema.Value {
	var b strings.Builder
	for _, v := range a.values {
		if v.Kind() != schema.String || b.Len()+len(v.Text()) > maxRegexText || !f.spend(1+len(v.Text())/regexStep) {
			return schema.Value{}
		}
		b.WriteString(v.Text())
	}
	return schema.OfString(b.String())
}

// two returns a function of two texts of at most most bytes; 0 stands for maxText.
func two(folds bool, most int, do func(f *frame, a, b string) int) func(*frame, *arguments) schema.Value {
	return func(f *frame, a *arguments) schema.Value {
		x, ok := a.text(0)
		y, too := a.text(1)
		if !ok || !too {
			return schema.Value{}
		}
		x, y = f.cut(x, maxText), f.cut(y, maxText)
		if most > 0 {
			x, y = f.cut(x, most), f.cut(y, most)
		}
		if folds {
			x, y = f.fold(x), f.fold(y)
		}
		return schema.OfInt(int64(do(f, x, y)))
	}
}

func count(f *frame, text, other string) int {
	if other == "" || !f.spend(1+len(text)/stepBytes) {
		return 0
	}
	if !f.switches.CountOverlapping {
		return strings.Count(text, other)
	}
	n := 0
	for {
		i := strings.Index(text, other)
		if i < 0 || !f.spend(1) {
			return n
		}
		n, text = n+1, text[i+1:]
	}
}

func distance(f *frame, a, b string) int {
	if !f.spend(1 + min(len(a), maxDistance)*min(len(b), maxDistance)/stepBytes) {
		return 0
	}
	return levenshtein(a, b)
}

// parseStep is the number of bytes that are parsed in one step.
const parseStep = 8

// parse returns a function of one text.
func parse(do func(f *frame, s string) schema.Value) func(*frame, *arguments) schema.Value {
	return func(f *frame, a *arguments) schema.Value {
		s, ok := a.text(0)
		if !ok || !f.spend(1+len(s)/parseStep) {
			return schema.Value{}
		}
		return do(f, s)
	}
}

func parseURL(f *frame, a *arguments) schema.Value {
	s, ok := a.text(0)
	if !ok {
		return schema.Value{}
	}
	s = strings.TrimSpace(s)
	u, ok := observable.ParseURL(s)
	if !ok && !isStrict(f, a) {
		u, ok = observable.ParseURL("http://" + s)
	}
	if !ok {
		return schema.Value{}
	}
	m := mdm.NewURL(u)
	return schema.OfObject(&m)
}

// isStrict reports whether a URL must have a scheme, which is the default.
func isStrict(f *frame, a *arguments) bool {
	if v, ok := a.named["strict"]; ok {
		return v.True()
	}
	return !f.switches.LenientURL
}

func parseDomain(_ *frame, s string) schema.Value {
	d := mdm.NewDomain(s)
	return schema.OfObject(&d)
}

func parseEmail(_ *frame, s string) schema.Value {
	e := mdm.NewEmail(s)
	if e.LocalPart == "" || e.Domain.Domain == "" || strings.ContainsAny(e.Email, " \t\r\n") {
		return schema.Value{}
	}
	return schema.OfObject(&e)
}

func parseJSON(_ *frame, s string) schema.Value {
	var v any
	if len(s) > maxText || json.Unmarshal([]byte(s), &v) != nil {
		return schema.Value{}
	}
	return schema.OfJSON(v)
}

func sha(_ *frame, s string) schema.Value {
	sum := sha256.Sum256([]byte(s))
	return schema.OfString(hex.EncodeToString(sum[:]))
}

// ipIn compiles the test whether an address is in one of many literal networks.
func (c *compiler) ipIn(n *syntax.Call) *code {
	value := c.compile(n.Args[0])
	texts := make([]string, len(n.Args)-1)
	for i, a := range n.Args[1:] {
		texts[i], _ = literal(a)
	}
	nets := newNetworks(texts)
	return &code{cost: value.cost + costList, test: func(f *frame) tri {
		text := value.eval(f)
		if ip, ok := text.Ref().(*mdm.IP); ok {
			text = schema.OfString(ip.IP)
		}
		addr, err := netip.ParseAddr(text.Text())
		if text.Kind() != schema.String || err != nil {
			return unsure
		}
		return triOf(nets.has(addr))
	}}
}

// networks is a sorted set of disjoint networks.
type networks struct{ list []netip.Prefix }

// newNetworks parses networks and addresses. The checker has verified that they are valid.
func newNetworks(texts []string) networks {
	all := make([]netip.Prefix, 0, len(texts))
	for _, s := range texts {
		if p, ok := parseNetwork(s); ok {
			all = append(all, p.Masked())
		}
	}
	slices.SortFunc(all, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	var n networks
	for _, p := range all {
		if len(n.list) == 0 || !n.list[len(n.list)-1].Contains(p.Addr()) {
			n.list = append(n.list, p)
		}
	}
	return n
}

// parseNetwork parses a network or an address.
func parseNetwork(s string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(s)
	if err == nil {
		return p, true
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(addr, addr.BitLen()), true
}

func (n networks) has(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	i, ok := slices.BinarySearchFunc(n.list, addr, func(p netip.Prefix, a netip.Addr) int { return p.Addr().Compare(a) })
	return ok || i > 0 && n.list[i-1].Contains(addr)
}
