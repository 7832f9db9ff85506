package syntax

// Walk calls f for a node and, if f returns true, for its children from left to right.
func Walk(n Node, f func(Node) bool) {
	if !f(n) {
		return
	}
	each(n, func(child Node) { Walk(child, f) })
}

// Children returns the nodes directly below a node, from left to right; named arguments
// come last.
func Children(n Node) []Node {
	var nodes []Node
	each(n, func(child Node) { nodes = append(nodes, child) })
	return nodes
}

// each calls f for the children of a node.
func each(n Node, f func(Node)) {
	switch n := n.(type) {
	case *Logic:
		all(n.Operands, f)
	case *Unary:
		f(n.Operand)
	case *Binary:
		f(n.Left)
		f(n.Right)
	case *Compare:
		all(n.Operands, f)
	case *In:
		f(n.Value)
		f(n.List)
	case *Tuple:
		all(n.Elements, f)
	case *IsNull:
		f(n.Value)
	case *Of:
		all(n.Operands, f)
	default:
		eachOfValue(n, f)
	}
}

// eachOfValue is each for values and their postfix parts.
func eachOfValue(n Node, f func(Node)) {
	switch n := n.(type) {
	case *Field:
		f(n.Object)
	case *Index:
		f(n.Object)
		f(n.Key)
	case *Slice:
		f(n.Object)
		if n.From != nil {
			f(n.From)
		}
		if n.To != nil {
			f(n.To)
		}
	case *Call:
		all(n.Args, f)
		for _, a := range n.Named {
			f(a.Value)
		}
	case *Array:
		all(n.Elements, f)
	case *Paren:
		f(n.Inner)
	}
}

func all(nodes []Node, f func(Node)) {
	for _, n := range nodes {
		f(n)
	}
}
