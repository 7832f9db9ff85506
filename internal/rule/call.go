package rule

import (
	"strings"

	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// call compiles a call according to the form of its function.
func (c *compiler) call(n *syntax.Call) *code {
	f := c.schema.functions.Lookup(n.Function)
	switch {
	case f.Form == schema.Lambda:
		return c.lambda(f.Name, n)
	case f.Form == schema.Pattern:
		return c.pattern(f.Name, n)
	case searches[f.Name] != nil:
		return c.search(f.Name, n)
	case f.Name == "strings.replace_confusables":
		text := c.compile(n.Args[0])
		return &code{cost: text.cost + costText, stream: text.stream.apply(f.Name, func(f *frame, s string) string {
			return f.latin(f.cut(s, maxRegexText))
		}), eval: onText(text, func(f *frame, s string) schema.Value {
			if s = f.cut(s, maxRegexText); !f.spend(len(s) / regexStep) {
				return schema.Value{}
			}
			return schema.OfString(f.latin(s))
		})}
	case f.Name == "length":
		return c.lengthOf(n)
	case f.Name == "coalesce":
		return c.coalesce(n)
	case f.Name == "beta.ip_in":
		return c.ipIn(n)
	default:
		return c.plainCall(f, n)
	}
}

// onText compiles a function of one text; the result for null is null.
func onText(text *code, do func(*frame, string) schema.Value) func(*frame) schema.Value {
	return func(f *frame) schema.Value {
		v := text.eval(f)
		if v.Kind() != schema.String || !f.spend(1+len(v.Text())/stepBytes) {
			return schema.Value{}
		}
		return do(f, v.Text())
	}
}

// searches are the functions that search a text for other texts.
var searches = map[string]func(f *frame, text, other string) bool{
	"strings.contains":    contains,
	"strings.starts_with": hasPrefix,
	"strings.ends_with":   hasSuffix,
	"strings.like":        wildcard,

	"strings.icontains":    contains,
	"strings.istarts_with": hasPrefix,
	"strings.iends_with":   hasSuffix,
	"strings.ilike":        wildcard,
}

func contains(_ *frame, text, other string) bool  { return strings.Contains(text, other) }
func hasPrefix(_ *frame, text, other string) bool { return strings.HasPrefix(text, other) }
func hasSuffix(_ *frame, text, other string) bool { return strings.HasSuffix(text, other) }

// needle is one text that is searched for.
type needle struct {
	text  string // folded if case is ignored
	need  *formula
	value *code // if it is no literal
}

// search compiles a function that searches a text for several others.
func (c *compiler) search(name string, n *syntax.Call) *code {
	text := c.compile(n.Args[0])
	folds := strings.HasPrefix(name, "strings.i")
	out := &code{cost: text.cost, odds: oddsText}
	list := make([]needle, 0, len(n.Args)-1)
	needs := make([]*formula, 0, len(n.Args)-1)
	for _, a := range n.Args[1:] {
		nd := needle{}
		if s, ok := literal(a); ok {
			nd = needle{text: s, need: c.wordsOf(name, text.stream, s)}
			if folds {
				nd.text = fold(s)
			}
		} else {
			nd.value = c.compile(a)
			out.cost += nd.value.cost
		}
		if nd.need == nil {
			out.cost += costText - costField
		}
		out.cost += costField
		needs = append(needs, nd.need)
		list = append(list, nd)
	}
	out.necessary = either(needs...)
	q := &search{text: text, list: list, find: searches[name], folds: folds}
	q.atEnd = strings.HasSuffix(name, "ends_with") || strings.HasSuffix(name, "like")
	out.test = q.test
	return out
}

// search is a function that searches a text for several others.
type search struct {
	text  *code
	list  []needle
	find  func(f *frame, text, other string) bool
	folds bool
	atEnd bool // the needle must be at the end of the text
}

func (q *search) test(f *frame) tri {
	v := q.text.eval(f)
	if v.Kind() != schema.String {
		return unsure
	}
	s, isCut := cutText(v.Text(), maxText)
	if isCut && q.atEnd {
		return unsure // its end was cut off
	}
	return q.any(f, s)
}

// wordsOf returns the words that a pattern or text requires.
func (c *compiler) wordsOf(name string, from *stream, s string) *formula {
	if c.plain.NoWords {
		return nil
	}
	if !strings.HasSuffix(name, "like") {
		return c.words.want(from, s)
	}
	var parts []*formula
	for _, piece := range strings.FieldsFunc(s, func(r rune) bool { return r == '*' || r == '?' }) {
		parts = append(parts, c.words.want(from, piece))
	}
	return both(parts...)
}

// in returns the text of the needle for a message; false if it is null.
func (n *needle) in(f *frame, folds bool) (string, bool) {
	if n.value == nil {
		return n.text, true
	}
	v := n.value.eval(f)
	if folds {
		return f.fold(v.Text()), v.Kind() == schema.String
	}
	return v.Text(), v.Kind() == schema.String
}

// any reports whether one of the needles is found. A null needle makes the result unsure
// only if all are null. The text is folded only when the first needle can occur, which is
// rare.
func (q *search) any(f *frame, s string) tri {
	nulls, folded := 0, !q.folds
	for i := range q.list {
		n := &q.list[i]
		if n.need != nil && !n.need.holds(f) {
			continue
		}
		text, ok := n.in(f, q.folds)
		if !ok {
			nulls++
			continue
		}
		if !f.spend(1 + len(s)/stepBytes) {
			return unsure
		}
		if !folded {
			s, folded = f.fold(s), true
		}
		if q.find(f, s, text) {
			return yes
		}
	}
	if nulls > 0 && nulls == len(q.list) {
		return unsure
	}
	return no
}

// arguments holds the evaluated arguments of a plain call.
type arguments struct {
	values []schema.Value
	named  map[string]schema.Value
}

// text returns an argument as text, and whether it is one.
func (a *arguments) text(i int) (string, bool) {
	if i >= len(a.values) {
		return "", false
	}
	return a.values[i].Text(), a.values[i].Kind() == schema.String
}

func (c *compiler) plainCall(fn *schema.Function, n *syntax.Call) *code {
	parts, cost := c.all(n.Args)
	names := make([]string, len(n.Named))
	named := make([]*code, len(n.Named))
	for i, a := range n.Named {
		names[i], named[i] = a.Name, c.compile(a.Value)
		cost += named[i].cost
	}
	do := plain[fn.Name]
	needs := fn.Needs
	if do == nil { // declared, but not implemented
		return &code{unanswered: true, cost: costWord, eval: func(f *frame) (none schema.Value) {
			f.missing |= needs
			return none
		}}
	}
	return &code{cost: min(cost+costOf(fn), maxCost), eval: func(f *frame) schema.Value {
		args := arguments{values: make([]schema.Value, len(parts))}
		for i, p := range parts {
			args.values[i] = p.eval(f)
		}
		for i, p := range named {
			if args.named == nil {
				args.named = make(map[string]schema.Value, len(named))
			}
			args.named[names[i]] = p.eval(f)
		}
		if f.overrun {
			return schema.Value{}
		}
		return do(f, &args)
	}}
}

// costOf returns the cost of a function without its arguments.
func costOf(fn *schema.Function) int {
	switch {
	case plain[fn.Name] == nil: // returns at once, since it is not implemented
		return costWord
	case fn.Needs&schema.Whois != 0:
		return costNetwork
	case fn.Needs&schema.OCR != 0:
		return costOCR
	case fn.Needs&schema.Files != 0:
		return costFile
	case fn.Needs&schema.History != 0:
		return costHistory
	case strings.HasPrefix(fn.Name, "file."):
		return costRead
	case strings.Contains(fn.Name, "parse_") || strings.Contains(fn.Name, "levenshtein"):
		return costParse
	case strings.HasPrefix(fn.Name, "strings.") || strings.HasPrefix(fn.Name, "hash."):
		return costText
	default:
		return costWord
	}
}
