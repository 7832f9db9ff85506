package syntax_test

import (
	"testing"

	"pgregory.net/rapid"

	"outrider/internal/rule/syntax"
)

var (
	names = rapid.SampledFrom([]string{"a", "sender", "_x1", "inbox", "order"})
	texts = rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", `\d+`, `it's "x"`, "\n\r\t\x00", "//", `\`, "a long text that takes most of a line, so that little else fits"}))
)

// trees makes trees without places, as a program makes them that writes rules.
func trees(depth int) *rapid.Generator[syntax.Node] {
	if depth == 0 {
		return leaves()
	}
	sub := rapid.Deferred(func() *rapid.Generator[syntax.Node] { return trees(depth - 1) })
	some := rapid.SliceOfN(sub, 0, 4)
	return rapid.OneOf(leaves(), operations(sub), values(sub, some), lists(sub, some))
}

func leaves() *rapid.Generator[syntax.Node] {
	return rapid.Custom(func(t *rapid.T) syntax.Node {
		switch rapid.IntRange(0, 7).Draw(t, "leaf") {
		case 0:
			return &syntax.Literal{}
		case 1:
			return &syntax.Literal{Kind: syntax.Bool, Bool: rapid.Bool().Draw(t, "bool")}
		case 2:
			return &syntax.Literal{Kind: syntax.Int, Int: rapid.Int64Min(0).Draw(t, "int")}
		case 3:
			return &syntax.Literal{Kind: syntax.Float, Float: rapid.Float64Range(0, 1e300).Draw(t, "float")}
		case 4:
			return &syntax.Literal{Kind: syntax.String, Text: texts.Draw(t, "text"), Raw: rapid.Bool().Draw(t, "raw")}
		case 5:
			return &syntax.Name{Name: names.Draw(t, "name")}
		case 6:
			return &syntax.Element{Depth: rapid.IntRange(1, 3).Draw(t, "depth")}
		}
		return &syntax.List{Name: names.Draw(t, "list")}
	})
}

func operations(sub *rapid.Generator[syntax.Node]) *rapid.Generator[syntax.Node] {
	return rapid.Custom(func(t *rapid.T) syntax.Node {
		a, b := sub.Draw(t, "a"), sub.Draw(t, "b")
		switch rapid.IntRange(0, 4).Draw(t, "operation") {
		case 0:
			return &syntax.Logic{Op: rapid.SampledFrom([]syntax.Op{syntax.And, syntax.Or}).Draw(t, "op"), Operands: []syntax.Node{a, b, sub.Draw(t, "c")}}
		case 1:
			return &syntax.Unary{Op: rapid.SampledFrom([]syntax.Op{syntax.Not, syntax.Neg}).Draw(t, "op"), Operand: a}
		case 2:
			return &syntax.Binary{Op: rapid.SampledFrom([]syntax.Op{syntax.Add, syntax.Sub, syntax.Mul, syntax.Div, syntax.Mod}).Draw(t, "op"), Left: a, Right: b}
		case 3:
			return &syntax.Compare{Ops: []syntax.Op{syntax.Lt, syntax.Le}, Operands: []syntax.Node{a, b, sub.Draw(t, "c")}}
		}
		return &syntax.Compare{Ops: []syntax.Op{rapid.SampledFrom([]syntax.Op{syntax.Eq, syntax.Ne, syntax.EqFold, syntax.NeFold, syntax.Gt, syntax.Ge}).Draw(t, "op")}, Operands: []syntax.Node{a, b}}
	})
}

func values(sub *rapid.Generator[syntax.Node], some *rapid.Generator[[]syntax.Node]) *rapid.Generator[syntax.Node] {
	return rapid.Custom(func(t *rapid.T) syntax.Node {
		a := sub.Draw(t, "a")
		switch rapid.IntRange(0, 4).Draw(t, "value") {
		case 0:
			return &syntax.Field{Object: a, Name: names.Draw(t, "name")}
		case 1:
			return &syntax.Index{Object: a, Key: sub.Draw(t, "key")}
		case 2:
			n := &syntax.Slice{Object: a}
			if rapid.Bool().Draw(t, "from") {
				n.From = sub.Draw(t, "a")
			}
			if rapid.Bool().Draw(t, "to") {
				n.To = sub.Draw(t, "b")
			}
			return n
		case 3:
			return &syntax.Paren{Inner: a}
		}
		return &syntax.Call{
			Function: rapid.SampledFrom([]string{"f", "strings.icontains", "beta.x.y"}).Draw(t, "function"),
			Args:     some.Draw(t, "args"),
			Named:    []syntax.NamedArg{{Name: names.Draw(t, "name"), Value: a}},
		}
	})
}

func lists(sub *rapid.Generator[syntax.Node], some *rapid.Generator[[]syntax.Node]) *rapid.Generator[syntax.Node] {
	return rapid.Custom(func(t *rapid.T) syntax.Node {
		a, no := sub.Draw(t, "a"), rapid.Bool().Draw(t, "not")
		switch rapid.IntRange(0, 4).Draw(t, "list") {
		case 0:
			return &syntax.IsNull{Value: a, Not: no}
		case 1:
			return &syntax.In{Value: a, Not: no, Fold: rapid.Bool().Draw(t, "fold"), List: &syntax.Tuple{Elements: some.Draw(t, "tuple")}}
		case 2:
			return &syntax.In{Value: a, Not: no, List: &syntax.List{Name: names.Draw(t, "list")}}
		case 3:
			return &syntax.Of{Count: int64(rapid.IntRange(0, 9).Draw(t, "count")), Operands: some.Draw(t, "operands")}
		}
		return &syntax.Array{Elements: some.Draw(t, "array")}
	})
}

// TestTreesSurvivePrinting prints trees that no text was parsed to, where parentheses have
// to be added.
func TestTreesSurvivePrinting(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tree := trees(4).Draw(t, "tree")
		key := syntax.Key(tree)
		for _, text := range []string{key, syntax.Format(&syntax.Expression{Root: tree})} {
			e, err := syntax.Parse(text)
			if err != nil {
				t.Fatalf("%s\n%v", text, err)
			}
			if got := syntax.Key(e.Root); got != key {
				t.Errorf("key is %s, want %s", got, key)
			}
			formatted := syntax.Format(e)
			again, err := syntax.Parse(formatted)
			if err != nil {
				t.Fatalf("%s\n%v", formatted, err)
			}
			if !syntax.Equal(e.Root, again.Root) {
				t.Errorf("%s\nis formatted as\n%s", text, formatted)
			}
		}
	})
}
