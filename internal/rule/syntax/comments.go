package syntax

import (
	"strings"
	"unicode"
)

// note is a comment as printed.
type note struct {
	text  string
	blank bool // preceded by an empty line
}

// item is an operand, element or argument, on its own line if its group is broken into
// lines.
type item struct {
	node       Node
	name       string // of an argument
	start, end int
	lead       []note // comment lines before it
	blank      bool   // directly preceded by an empty line
	trail      string // comment after it on its line
}

// group is the content of a node: the operands of a chain, or the items in brackets.
type group struct {
	items []item
	head  string // comment directly after the opening bracket
	tail  []note // lines after the last item
}

// groupOf returns the group of a node, or nil for a node that is never broken into lines.
func groupOf(n Node) *group {
	switch n := n.(type) {
	case *Logic:
		return groupOfNodes(n.Operands)
	case *Binary:
		operands, _ := chainOf(n)
		return groupOfNodes(operands)
	case *Compare:
		return groupOfNodes(n.Operands)
	case *Tuple:
		return groupOfNodes(n.Elements)
	case *Of:
		return groupOfNodes(n.Operands)
	case *Array:
		return groupOfNodes(n.Elements)
	case *Paren:
		return groupOfNodes([]Node{n.Inner})
	case *Call:
		g := groupOfNodes(n.Args)
		for _, a := range n.Named {
			g.items = append(g.items, item{node: a.Value, name: a.Name, start: a.At.Offset, end: a.Value.End()})
		}
		return g
	}
	return nil
}

// chainOf returns the operands of operators of equal strength, and the operators between
// them: a - b + c is a chain of three.
func chainOf(n *Binary) ([]Node, []Op) {
	operands, ops := []Node{n.Left}, []Op(nil)
	if left, ok := n.Left.(*Binary); ok && strength(left) == strength(n) {
		operands, ops = chainOf(left)
	}
	return append(operands, n.Right), append(ops, n.Op)
}

func groupOfNodes(nodes []Node) *group {
	g := &group{items: make([]item, 0, len(nodes))}
	for _, n := range nodes {
		g.items = append(g.items, item{node: n, start: n.Pos().Offset, end: n.End()})
	}
	return g
}

// gather finds the groups that contain comments, and the place of each comment.
type gather struct {
	text   string
	groups map[Node]*group
	broken map[Node]bool // nodes with comments inside
}

// within returns the comments before an offset, and the others.
func within(cs []Comment, end int) (before, rest []Comment) {
	i := 0
	for i < len(cs) && cs[i].At.Offset < end {
		i++
	}
	return cs[:i], cs[i:]
}

// node places the comments inside a node, and returns those between the parts of unbroken
// nodes: they move before the enclosing item.
func (g *gather) node(n Node, cs []Comment) []Comment {
	if len(cs) == 0 {
		return nil
	}
	group := groupOf(n)
	if group == nil {
		return g.parts(n, cs)
	}
	g.groups[n] = group
	g.broken[n] = true
	switch n.(type) {
	case *Logic, *Binary, *Compare:
		// The first operand of a chain does not begin a line of its own.
		return g.fill(group, n.Pos().Offset, cs, false)
	}
	g.fill(group, n.Pos().Offset, cs, true)
	return nil
}

// parts is node for nodes that are never broken into lines.
func (g *gather) parts(n Node, cs []Comment) []Comment {
	var loose, part []Comment
	count := len(cs)
	each(n, func(child Node) {
		part, cs = within(cs, child.Pos().Offset)
		loose = append(loose, part...)
		part, cs = within(cs, child.End())
		loose = append(loose, g.node(child, part)...)
	})
	loose = append(loose, cs...)
	g.broken[n] = len(loose) < count
	return loose
}

// fill places comments around and in the items of a group that begins at an offset, and
// finds the empty lines. It returns those that go before a group without brackets.
func (g *gather) fill(group *group, at int, cs []Comment, bracket bool) (ahead []Comment) {
	var part []Comment
	for i := range group.items {
		it := &group.items[i]
		part, cs = within(cs, it.start)
		at = g.between(group, i, at, part)
		it.blank = (i > 0 || len(it.lead) > 0) && blank(g.text, at, it.start)
		part, cs = within(cs, it.end)
		loose := g.node(it.node, part)
		if i == 0 && !bracket {
			ahead, loose = loose, nil
		}
		for _, c := range loose {
			it.lead = append(it.lead, note{text: g.spelling(c)})
		}
		at = it.end
	}
	g.between(group, len(group.items), at, cs)
	return ahead
}

// between places the comments before item i, or after the last, and returns the end of the
// last comment; at is the end of the previous item.
func (g *gather) between(group *group, i, at int, cs []Comment) int {
	for _, c := range cs {
		text := g.spelling(c)
		same := !c.Own && !strings.Contains(cut(g.text, at, c.At.Offset), "\n")
		switch {
		case same && i > 0 && group.items[i-1].trail == "":
			group.items[i-1].trail = text
		case same && i == 0 && group.head == "":
			group.head = text
		case i < len(group.items):
			it := &group.items[i]
			it.lead = append(it.lead, note{text, (i > 0 || len(it.lead) > 0) && blank(g.text, at, c.At.Offset)})
		default:
			group.tail = append(group.tail, note{text, (i > 0 || len(group.tail) > 0) && blank(g.text, at, c.At.Offset)})
		}
		at = c.At.Offset + len(text)
	}
	return at
}

// spelling returns the comment as written, with its slashes.
func (g *gather) spelling(c Comment) string {
	line, _, _ := strings.Cut(cut(g.text, c.At.Offset, len(g.text)), "\n")
	if !strings.HasPrefix(line, "//") {
		line = "// " + c.Text
	}
	return strings.TrimRightFunc(line, unicode.IsSpace)
}

// cut returns a part of the text, or "" if out of range.
func cut(text string, from, to int) string {
	if from < 0 || from > to || to > len(text) {
		return ""
	}
	return text[from:to]
}

// blank reports whether part of the text contains an empty line.
func blank(text string, from, to int) bool {
	part := cut(text, from, to)
	for {
		_, rest, ok := strings.Cut(part, "\n")
		if !ok {
			return false
		}
		if trimmed := strings.TrimLeft(rest, " \t\r"); strings.HasPrefix(trimmed, "\n") {
			return true
		}
		part = rest
	}
}
