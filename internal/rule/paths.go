package rule

import (
	"slices"
	"strings"

	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// stream is a source of texts that can be searched before any rule runs: a path from the
// message, through lists.
type stream struct {
	key string
	// from is the stream before this one, and next derives this stream's values from each
	// of its values; nil at the start, which has one null value.
	from *stream
	next func(f *frame, v schema.Value) schema.Value
	goes bool // goes to the elements of lists, instead of next
	long bool // the texts are searched at any length
	// parts are the streams whose values this one combines, for an array in a rule. Their
	// texts are searched at their source, not again here.
	parts []*stream
	array bool // the values are arrays in a rule, each with a value of every part
	full  bool // always has a value
	// base is the stream whose texts the function made turns into those of this one; nil
	// without one.
	base *stream
	made func(*frame, string) string
}

// of returns the streams derived from the parts of the stream.
func (s *stream) of(next func(*stream) *stream) []*stream {
	if s.array {
		return nil
	}
	var out []*stream
	for _, p := range s.parts {
		out = append(out, next(p))
	}
	return out
}

// each calls yield with the values of the stream.
func (s *stream) each(f *frame, yield func(schema.Value)) {
	if s.from == nil {
		yield(s.next(f, schema.Value{}))
		return
	}
	s.from.each(f, func(v schema.Value) { s.step(f, v, yield) })
}

// step calls yield with the values derived from a value of the previous stream.
func (s *stream) step(f *frame, v schema.Value, yield func(schema.Value)) {
	if !s.goes {
		yield(s.next(f, v))
		return
	}
	if l := v.List(); l != nil {
		for i := range min(l.Len(), maxElements) {
			yield(l.At(i))
		}
	}
}

// isLong reports whether the texts are those of the message itself.
func (s *stream) isLong() bool {
	if s == nil {
		return false
	}
	for _, path := range []string{"body.html.raw", "body.html.inner_text", "body.html.display_text", "body.plain.raw", "body.current_thread.text"} {
		if strings.Contains(s.key, path) {
			return true
		}
	}
	return false
}

// field returns the stream of a field.
func (s *stream) field(name string, get func(any) schema.Value) *stream {
	if s == nil {
		return nil
	}
	parts := s.of(func(p *stream) *stream { return p.field(name, get) })
	return &stream{key: s.key + "." + name, parts: parts, from: s, next: func(_ *frame, v schema.Value) schema.Value {
		if o := v.Ref(); o != nil {
			return get(o)
		}
		return schema.Value{}
	}}
}

// elements returns the stream of list elements.
func (s *stream) elements() *stream {
	if s == nil {
		return nil
	}
	parts := s.of((*stream).elements)
	if s.array {
		parts = s.parts
	}
	return &stream{key: s.key + "[]", parts: parts, full: len(s.parts) > 0 && s.array, from: s, goes: true}
}

// apply returns the stream of function results.
func (s *stream) apply(name string, do func(*frame, string) string) *stream {
	if s == nil {
		return nil
	}
	parts := s.of(func(p *stream) *stream { return p.apply(name, do) })
	return &stream{key: name + "(" + s.key + ")", parts: parts, base: s, made: do, from: s, next: func(f *frame, v schema.Value) schema.Value {
		if v.Kind() == schema.String {
			return schema.OfString(do(f, v.Text()))
		}
		return schema.Value{}
	}}
}

// maxElements bounds the list elements that a lambda evaluates.
const maxElements = 5000

func (c *compiler) name(n *syntax.Name) *code {
	if n.Name == "triage" {
		return &code{cost: costField, eval: func(f *frame) schema.Value {
			if f.in.Triage == nil {
				f.missing |= schema.Triaging
			}
			return schema.OfObject(f.in.Triage)
		}}
	}
	field := c.schema.root().Field(n.Name)
	get := func(f *frame) schema.Value { return field.Get(f.in.Message) }
	return &code{cost: costField, eval: get, stream: &stream{key: n.Name, next: func(f *frame, _ schema.Value) schema.Value { return get(f) }}}
}

func (c *compiler) element(n *syntax.Element) *code {
	depth := n.Depth
	out := &code{cost: 0, eval: func(f *frame) schema.Value { return f.element(depth) }}
	if depth <= len(c.scopes) {
		out.stream = c.scopes[len(c.scopes)-depth].stream
	}
	return out
}

func (c *compiler) list(n *syntax.List) *code {
	name := n.Name
	return &code{cost: costList, eval: func(f *frame) schema.Value { return f.readable(name).value() }}
}

func (c *compiler) field(n *syntax.Field) *code {
	object := c.compile(n.Object)
	t := c.types[stripped(n.Object)]
	if t.Kind == schema.Dynamic {
		return &code{cost: object.cost + costField, eval: func(f *frame) schema.Value {
			return entry(object.eval(f), schema.OfString(n.Name))
		}}
	}
	field := t.Field(n.Name)
	get, empty := field.Get, c.emptyOf(t, field.Type)
	if object.unanswered {
		empty = schema.Value{}
	}
	needs := fieldNeeds(t, n.Name)
	out := &code{nonEmpty: object.nonEmpty, unanswered: object.unanswered, cost: object.cost + costField, odds: fieldOdds(n.Name), stream: object.stream.field(n.Name, get), eval: func(f *frame) schema.Value {
		o := object.eval(f).Ref()
		if o == nil {
			return empty
		}
		v := get(o)
		if needs != 0 && v.IsNull() {
			f.missing |= needs &^ f.in.Have
		}
		return v
	}}
	return out
}

// fieldOdds is the assumed frequency with which a bool field is true.
func fieldOdds(name string) float64 {
	switch name {
	case "inbound", "valid":
		return 0.97
	case "pass", "visible", "solicited":
		return 0.6
	default:
		return 0.1
	}
}

// emptyOf returns the value of a field of a null object. Lists of a message are never null;
// those of function results are.
func (c *compiler) emptyOf(object, field *schema.Type) schema.Value {
	if field.Kind == schema.List && !object.Enriched && !c.schema.switches.NullListOfNull {
		return schema.OfList(schema.Values(nil))
	}
	return schema.Value{}
}

// stripped returns the node within parentheses.
func stripped(n syntax.Node) syntax.Node {
	for {
		p, ok := n.(*syntax.Paren)
		if !ok {
			return n
		}
		n = p.Inner
	}
}

func (c *compiler) index(n *syntax.Index) *code {
	object, key := c.compile(n.Object), c.compile(n.Key)
	return &code{unanswered: object.unanswered, cost: object.cost + key.cost + costField, eval: func(f *frame) schema.Value {
		return entry(object.eval(f), key.eval(f))
	}}
}

// entry returns one element of a list or map; null if missing, as with an index below 0.
func entry(object, key schema.Value) schema.Value {
	if l := object.List(); l != nil && key.Kind() == schema.Int {
		if i := key.Int(); i >= 0 && i < int64(l.Len()) {
			return l.At(int(i))
		}
		return schema.Value{}
	}
	if m := object.Map(); m != nil && key.Kind() == schema.String {
		v, _ := m.Get(key.Text())
		return v
	}
	return schema.Value{}
}

func (c *compiler) slice(n *syntax.Slice) *code {
	object := c.compile(n.Object)
	bound := func(b syntax.Node) *code {
		if b == nil {
			return nil
		}
		return c.compile(b)
	}
	from, to := bound(n.From), bound(n.To)
	return &code{cost: object.cost + costCompare, eval: func(f *frame) schema.Value {
		return part(f, object.eval(f), from, to)
	}}
}

// part returns a part of a list or text; bounds beyond the ends are clamped.
func part(f *frame, object schema.Value, from, to *code) schema.Value {
	length := 0
	l, text := object.List(), []rune(nil)
	switch {
	case l != nil:
		length = l.Len()
	case object.Kind() == schema.String:
		text = []rune(object.Text())
		length = len(text)
	default:
		return schema.Value{}
	}
	at := func(c *code, otherwise int) (int, bool) {
		if c == nil {
			return otherwise, true
		}
		v := c.eval(f)
		return int(min(max(v.Int(), 0), int64(length))), v.Kind() == schema.Int
	}
	low, ok := at(from, 0)
	high, too := at(to, length)
	if !ok || !too {
		return schema.Value{}
	}
	high = max(low, high)
	if l == nil {
		return schema.OfString(string(text[low:high]))
	}
	out := make(schema.Values, 0, high-low)
	for i := low; i < high; i++ {
		out = append(out, l.At(i))
	}
	return schema.OfList(out)
}

func (c *compiler) array(n *syntax.Array) *code {
	parts, cost := c.all(n.Elements)
	eval := func(f *frame) schema.Value {
		out := make(schema.Values, len(parts))
		for i, p := range parts {
			out[i] = p.eval(f)
		}
		return schema.OfList(out)
	}
	out := &code{cost: cost + costField, eval: eval}
	if !slices.ContainsFunc(n.Elements, func(e syntax.Node) bool { return pathOf(e) == "" }) {
		out.stream = &stream{key: syntax.Key(n), parts: streamsOf(parts), array: true, next: func(f *frame, _ schema.Value) schema.Value { return eval(f) }}
	}
	return out
}

// streamsOf returns the streams of some expressions; nil if one has none.
func streamsOf(parts []*code) []*stream {
	out := make([]*stream, len(parts))
	for i, p := range parts {
		if out[i] = p.stream; p.stream == nil {
			return nil
		}
	}
	return out
}
