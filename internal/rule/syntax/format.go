package syntax

import (
	"strings"
	"unicode/utf8"
)

// MaxColumns is the width in characters up to which Format keeps an expression on one line.
const MaxColumns = 80

// maxIndent bounds the spaces before a line, so that the output for a hostile rule stays in
// proportion to it.
const maxIndent = 160

// Format prints a rule in the canonical form. An expression that is too wide, or has a
// comment inside, is broken into lines: the operands of and and or begin lines, the
// arguments of a function are on separate lines, and the content of other brackets is
// indented by two spaces. Comments and single empty lines keep their place. The result ends
// with a line break; formatting it again changes nothing.
func Format(e *Expression) string {
	p := &printer{
		gather: gather{text: e.Text, groups: map[Node]*group{}, broken: map[Node]bool{}},
		flat:   speller{keep: true, text: e.Text, spans: map[Node]extents{}},
	}
	// The whole rule is the only item of a group that can be surrounded by comments.
	root := groupOfNodes([]Node{e.Root})
	for _, c := range p.fill(root, 0, e.Comments, false) {
		root.items[0].lead = append(root.items[0].lead, note{text: p.spelling(c)})
	}
	p.flat.node(e.Root, bindOr)
	if _, ok := e.Root.(*Logic); ok {
		p.broken[e.Root] = true // each condition of a rule has a line
	}
	p.item(&root.items[0], bindOr, 0, false, "", "")
	p.notes(root.tail, 0)
	return strings.TrimPrefix(p.out.String(), "\n") + "\n"
}

// printer lays out a tree.
type printer struct {
	gather

	flat   speller // every node on one line
	out    strings.Builder
	column int // in characters
}

func (p *printer) write(text string) {
	p.out.WriteString(text)
	p.column += utf8.RuneCountInString(text)
}

// line begins a new line.
func (p *printer) line(indent int) {
	p.out.WriteByte('\n')
	p.out.WriteString(strings.Repeat(" ", indent))
	p.column = indent
}

// notes prints comments, each on a line.
func (p *printer) notes(notes []note, indent int) {
	for _, n := range notes {
		if n.blank {
			p.out.WriteByte('\n')
		}
		p.line(indent)
		p.write(n.text)
	}
}

// item prints the lines before an item, and the item between a prefix and a suffix. The
// item begins a line if begin is set or comments precede it.
func (p *printer) item(it *item, level, indent int, begin bool, prefix, suffix string) {
	p.notes(it.lead, indent)
	if begin || len(it.lead) > 0 {
		if it.blank {
			p.out.WriteByte('\n')
		}
		p.line(indent)
	}
	p.write(prefix)
	if it.name != "" {
		p.write(it.name + "=")
	}
	p.node(it.node, level, indent)
	p.write(suffix)
	if it.trail != "" {
		p.write(" " + it.trail)
	}
}

// fits reports whether a node fits on one line from a column on: it has no comments inside
// and is not too wide.
func (p *printer) fits(n Node, column int) bool {
	at := p.flat.spans[n]
	return !p.broken[n] && at.to-at.from <= utf8.UTFMax*MaxColumns &&
		column+utf8.RuneCount(p.flat.b[at.from:at.to]) <= MaxColumns
}

// single prints a node on one line.
func (p *printer) single(n Node) {
	at := p.flat.spans[n]
	p.write(string(p.flat.b[at.from:at.to]))
}

// node prints a node where only operators of at least that strength are allowed; indent is
// the column of its closing bracket if it is broken into lines.
func (p *printer) node(n Node, level, indent int) {
	inside := strength(n) < level
	if inside {
		p.write("(")
	}
	if p.fits(n, p.column) {
		p.single(n)
	} else {
		p.broad(n, indent)
	}
	if inside {
		p.write(")")
	}
}

// broad prints a node that does not fit on the line.
func (p *printer) broad(n Node, indent int) {
	switch n := n.(type) {
	case *Logic:
		p.logic(n, indent)
	case *Unary:
		p.write(signOf(n))
		p.node(n.Operand, strength(n), indent)
	case *Binary:
		p.binary(n, indent)
	case *Compare:
		p.chain(n, n.Ops, bindAdd, false, indent)
	case *In:
		p.node(n.Value, bindAdd, indent)
		p.write(inOf(n))
		p.node(n.List, bindAdd, indent)
	case *IsNull:
		p.node(n.Value, bindAdd, indent)
		p.write(isOf(n))
	default:
		p.broadValue(n, indent)
	}
}

// broadValue is broad for values and their postfix parts.
func (p *printer) broadValue(n Node, indent int) {
	switch n := n.(type) {
	case *Field:
		p.node(n.Object, p.flat.levelOf(n), indent)
		p.write(p.flat.dotOf(n) + n.Name)
	case *Index:
		p.node(n.Object, bindValue, indent)
		p.write("[")
		p.node(n.Key, bindOr, indent)
		p.write("]")
	case *Slice:
		p.slice(n, indent)
	case *Call:
		p.call(n, indent)
	case *Of:
		p.write(ofOf(n))
		p.bracketed(n, "(", indent, ")")
	case *Array:
		p.bracketed(n, "[", indent, "]")
	case *Tuple, *Paren:
		p.bracketed(n, "(", indent, ")")
	default:
		p.single(n)
	}
}

// binary prints a sum or product. Its operators begin lines if the first operand begins one
// and each operand fits on one, or if there are comments between them.
func (p *printer) binary(n *Binary, indent int) {
	operands, ops := chainOf(n)
	begin := p.column == indent && p.fits(operands[0], indent)
	for _, o := range operands[1:] {
		begin = begin && p.fits(o, indent+2)
	}
	p.chain(n, ops, strength(n), begin, indent)
}

// chain prints operands and the operators between them, which begin lines if begin is set
// or comments precede them.
func (p *printer) chain(n Node, ops []Op, level int, begin bool, indent int) {
	g := p.group(n)
	p.item(&g.items[0], level, indent, false, "", "")
	for i, op := range ops {
		it := &g.items[i+1]
		alone := begin || g.items[i].trail != ""
		prefix := string(op) + " "
		if !alone && len(it.lead) == 0 {
			prefix = " " + prefix
		}
		p.item(it, bindingOf(op)+1, indent, alone, prefix, "")
	}
	p.notes(g.tail, indent)
}

func (p *printer) slice(n *Slice, indent int) {
	p.node(n.Object, bindValue, indent)
	p.write("[")
	if n.From != nil {
		p.node(n.From, bindOr, indent)
	}
	p.write(":")
	if n.To != nil {
		p.node(n.To, bindOr, indent)
	}
	p.write("]")
}

// group returns the items of a node with their comments and empty lines.
func (p *printer) group(n Node) *group {
	g := p.groups[n]
	if g == nil {
		g = groupOf(n)
		p.fill(g, n.Pos().Offset, nil, false)
	}
	return g
}

func (p *printer) logic(n *Logic, indent int) {
	g := p.group(n)
	for i := range g.items {
		prefix := ""
		if i > 0 {
			prefix = string(n.Op) + " "
		}
		p.item(&g.items[i], strength(n)+1, indent, i > 0, prefix, "")
	}
	p.notes(g.tail, indent)
}

// call prints each argument on a line, the first after the parenthesis.
func (p *printer) call(n *Call, indent int) {
	p.write(n.Function + "(")
	g := p.group(n)
	if !p.broken[n] && len(g.items) == 0 {
		p.write(")")
		return
	}
	column := min(p.column, maxIndent)
	begin := p.head(g)
	p.items(g, column, begin)
	p.line(indent)
	p.write(")")
}

// head prints the comment after the opening bracket, and reports whether there is one.
func (p *printer) head(g *group) bool {
	if g.head != "" {
		p.write(" " + g.head)
	}
	return g.head != ""
}

// items prints the content of brackets; begin reports whether the first item begins a line.
func (p *printer) items(g *group, indent int, begin bool) {
	for i := range g.items {
		suffix := ","
		if i == len(g.items)-1 {
			suffix = ""
		}
		p.item(&g.items[i], bindOr, indent, begin || i > 0, "", suffix)
	}
	p.notes(g.tail, indent)
}

func (p *printer) bracketed(n Node, open string, indent int, closing string) {
	p.write(open)
	g := p.group(n)
	if p.broken[n] || len(g.items) > 0 {
		p.head(g)
		p.items(g, min(indent+2, maxIndent), true)
		p.line(indent)
	}
	p.write(closing)
}
