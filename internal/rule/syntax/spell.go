package syntax

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// speller writes nodes on one line.
type speller struct {
	b     []byte
	keep  bool             // keep parentheses and quotes
	text  string           // of the rule; its strings keep their escapes
	spans map[Node]extents // position of each node in b, if not nil
}

type extents struct{ from, to int }

// bare returns the node inside of parentheses.
func bare(n Node) Node {
	for {
		p, ok := n.(*Paren)
		if !ok {
			return n
		}
		n = p.Inner
	}
}

// strength returns how strongly the operator of a node binds its operands.
func strength(n Node) int {
	switch n := n.(type) {
	case *Logic:
		return bindingOf(n.Op)
	case *Unary:
		return bindingOf(n.Op)
	case *Binary:
		return bindingOf(n.Op)
	case *Compare, *In, *IsNull, *Of:
		return bindCompare
	}
	return bindValue
}

func (s *speller) string(text string) { s.b = append(s.b, text...) }

// node writes a node where only operators of at least that strength are allowed.
func (s *speller) node(n Node, level int) {
	n = s.inside(n)
	inside := strength(n) < level
	if inside {
		s.b = append(s.b, '(')
	}
	from := len(s.b)
	s.plain(n)
	if s.spans != nil {
		s.spans[n] = extents{from, len(s.b)}
	}
	if inside {
		s.b = append(s.b, ')')
	}
}

func (s *speller) plain(n Node) {
	switch n := n.(type) {
	case *Logic:
		s.logic(n, n.Op)
	case *Unary:
		s.string(signOf(n))
		s.node(n.Operand, strength(n))
	case *Binary:
		s.node(n.Left, strength(n))
		s.operator(n.Op)
		s.node(n.Right, strength(n)+1)
	case *Compare:
		s.compare(n)
	case *In:
		s.node(n.Value, bindAdd)
		s.string(inOf(n))
		s.node(n.List, bindAdd)
	case *IsNull:
		s.node(n.Value, bindAdd)
		s.string(isOf(n))
	case *Of:
		s.string(ofOf(n))
		s.bracketed('(', n.Operands, ')')
	case *Tuple:
		s.bracketed('(', n.Elements, ')')
	default:
		s.value(n)
	}
}

// logic writes the operands of a chain. In a key, parenthesised chains of the same operator
// are merged into it, which has the same meaning.
func (s *speller) logic(n *Logic, op Op) {
	for i, o := range n.Operands {
		if i > 0 {
			s.operator(op)
		}
		if inner, ok := bare(o).(*Logic); ok && inner.Op == op && !s.keep {
			s.logic(inner, op)
		} else {
			s.node(o, bindingOf(op)+1)
		}
	}
}

func (s *speller) compare(n *Compare) {
	s.node(n.Operands[0], bindAdd)
	for i, op := range n.Ops {
		s.operator(op)
		s.node(n.Operands[i+1], bindAdd)
	}
}

func (s *speller) operator(op Op) {
	s.b = append(s.b, ' ')
	s.b = append(s.b, op...)
	s.b = append(s.b, ' ')
}

func signOf(n *Unary) string {
	if n.Op == Neg {
		return "-"
	}
	return "not "
}

func inOf(n *In) string {
	switch {
	case n.Not && n.Fold:
		return " not in~ "
	case n.Not:
		return " not in "
	case n.Fold:
		return " in~ "
	}
	return " in "
}

func isOf(n *IsNull) string {
	if n.Not {
		return " is not null"
	}
	return " is null"
}

func ofOf(n *Of) string { return strconv.FormatInt(n.Count, 10) + " of " }

// value writes a value and its postfix parts.
func (s *speller) value(n Node) {
	switch n := n.(type) {
	case *Literal:
		s.literal(n)
	case *Name:
		s.string(n.Name)
	case *Element:
		s.string("..."[:n.Depth])
	case *List:
		s.b = append(s.b, '$')
		s.string(n.Name)
	case *Field:
		s.node(n.Object, s.levelOf(n))
		s.string(s.dotOf(n))
		s.string(n.Name)
	case *Index:
		s.node(n.Object, bindValue)
		s.b = append(s.b, '[')
		s.node(n.Key, bindOr)
		s.b = append(s.b, ']')
	case *Slice:
		s.slice(n)
	case *Call:
		s.call(n)
	case *Array:
		s.bracketed('[', n.Elements, ']')
	case *Paren:
		s.b = append(s.b, '(')
		s.node(n.Inner, bindOr)
		s.b = append(s.b, ')')
	}
}

// dotOf is the dot before the field, which an element already has.
func (s *speller) dotOf(n *Field) string {
	if _, ok := s.inside(n.Object).(*Element); ok {
		return ""
	}
	return "."
}

// levelOf puts a list in parentheses, because its name would otherwise continue after the
// dot.
func (s *speller) levelOf(n *Field) int {
	if _, ok := s.inside(n.Object).(*List); ok {
		return bindValue + 1
	}
	return bindValue
}

// inside removes parentheses unless they are kept.
func (s *speller) inside(n Node) Node {
	if s.keep {
		return n
	}
	return bare(n)
}

func (s *speller) slice(n *Slice) {
	s.node(n.Object, bindValue)
	s.b = append(s.b, '[')
	if n.From != nil {
		s.node(n.From, bindOr)
	}
	s.b = append(s.b, ':')
	if n.To != nil {
		s.node(n.To, bindOr)
	}
	s.b = append(s.b, ']')
}

func (s *speller) call(n *Call) {
	s.string(n.Function)
	s.b = append(s.b, '(')
	s.list(n.Args)
	for i, a := range n.Named {
		if i > 0 || len(n.Args) > 0 {
			s.string(", ")
		}
		s.string(a.Name)
		s.b = append(s.b, '=')
		s.node(a.Value, bindOr)
	}
	s.b = append(s.b, ')')
}

func (s *speller) bracketed(open byte, nodes []Node, closing byte) {
	s.b = append(s.b, open)
	s.list(nodes)
	s.b = append(s.b, closing)
}

func (s *speller) list(nodes []Node) {
	for i, n := range nodes {
		if i > 0 {
			s.string(", ")
		}
		s.node(n, bindOr)
	}
}

func (s *speller) literal(n *Literal) {
	switch n.Kind {
	case Null:
		s.string("null")
	case Bool:
		s.b = strconv.AppendBool(s.b, n.Bool)
	case Int:
		s.b = strconv.AppendInt(s.b, n.Int, 10)
	case Float:
		s.float(n)
	case String:
		s.quoted(n)
	}
}

func (s *speller) float(n *Literal) {
	if f, ok := parseFloat(s.written(n, decimal)); ok && f == n.Float {
		s.string(s.text[n.at.Offset:n.end])
		return
	}
	start := len(s.b)
	s.b = strconv.AppendFloat(s.b, n.Float, 'f', -1, 64)
	if bytes.IndexByte(s.b[start:], '.') < 0 {
		s.string(".0")
	}
}

func (s *speller) quoted(n *Literal) {
	switch {
	case s.keep && n.Raw && !strings.ContainsAny(n.Text, "\r\n"):
		s.b = append(s.b, '\'')
		s.string(strings.ReplaceAll(n.Text, "'", "''"))
		s.b = append(s.b, '\'')
	case n.Text != "" && s.written(n, quoted) == n.Text:
		s.string(s.text[n.at.Offset:n.end])
	default:
		s.b = appendQuoted(s.b, n.Text)
	}
}

// written returns the literal's own spelling in the text, with its escapes and digits, or
// "" if that is not one token of the kind.
func (s *speller) written(n *Literal, want symbol) string {
	source := cut(s.text, n.at.Offset, n.end)
	if !s.keep || source == "" {
		return ""
	}
	l := lexer{text: source}
	t := l.next()
	if t.symbol != want || t.end != len(source) {
		return ""
	}
	return t.text
}

func appendQuoted(b []byte, text string) []byte {
	b = append(b, '"')
	start := 0 // start of the part to copy unchanged
	for i, r := range text {
		if r != '"' && r != '\\' && (' ' <= r && r < 0x7f || r > 0x7f && unicode.IsPrint(r)) {
			continue
		}
		b = appendEscape(append(b, text[start:i]...), r)
		start = i + utf8.RuneLen(r)
	}
	return append(append(b, text[start:]...), '"')
}

func appendEscape(b []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(b, '\\', byte(r))
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	b = append(b, `\u{`...)
	if r < 0x10 {
		b = append(b, '0')
	}
	return append(strconv.AppendInt(b, int64(r), 16), '}')
}
