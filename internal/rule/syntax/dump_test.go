package syntax_test

import (
	"fmt"
	"strings"

	"outrider/internal/rule/syntax"
)

// dump spells the shape of a tree with parentheses around every node, so that tests see
// what belongs to what.
func dump(n syntax.Node) string {
	parts := []string{head(n)}
	for _, c := range syntax.Children(n) {
		parts = append(parts, dump(c))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "(" + strings.Join(parts, " ") + ")"
}

func head(n syntax.Node) string {
	switch n := n.(type) {
	case *syntax.Literal:
		return literal(n)
	case *syntax.Logic:
		return string(n.Op)
	case *syntax.Unary:
		return string(n.Op)
	case *syntax.Binary:
		return string(n.Op)
	case *syntax.Compare:
		return fmt.Sprint(n.Ops)
	case *syntax.In:
		return map[bool]string{true: "not-"}[n.Not] + "in" + map[bool]string{true: "~"}[n.Fold]
	case *syntax.Tuple:
		return "tuple"
	case *syntax.IsNull:
		return map[bool]string{true: "not-"}[n.Not] + "null?"
	case *syntax.Of:
		return fmt.Sprint("of-", n.Count)
	case *syntax.Name:
		return n.Name
	case *syntax.Element:
		return strings.Repeat("^", n.Depth)
	case *syntax.List:
		return "$" + n.Name
	case *syntax.Field:
		return "." + n.Name
	case *syntax.Index:
		return "index"
	case *syntax.Slice:
		return fmt.Sprintf("slice-%v-%v", n.From != nil, n.To != nil)
	case *syntax.Call:
		name := n.Function + "()"
		for _, a := range n.Named {
			name += ":" + a.Name
		}
		return name
	case *syntax.Array:
		return "array"
	case *syntax.Paren:
		return "paren"
	}
	return fmt.Sprintf("unknown %T", n)
}

func literal(n *syntax.Literal) string {
	switch n.Kind {
	case syntax.Bool:
		return fmt.Sprint(n.Bool)
	case syntax.Int:
		return fmt.Sprint(n.Int)
	case syntax.Float:
		return fmt.Sprintf("%gf", n.Float)
	case syntax.String:
		if n.Raw {
			return "r" + fmt.Sprintf("%q", n.Text)
		}
		return fmt.Sprintf("%q", n.Text)
	default:
		return "null"
	}
}
