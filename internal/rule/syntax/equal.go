package syntax

import "slices"

// Equal reports whether two trees are the same except for positions. Parentheses and the
// kind of quotes count; Key ignores both.
func Equal(a, b Node) bool {
	return sameNode(a, b) && slices.EqualFunc(Children(a), Children(b), Equal)
}

// sameNode compares two nodes without their children; Equal compares the number of
// children.
func sameNode(a, b Node) bool {
	switch a := a.(type) {
	case *Literal:
		b, ok := b.(*Literal)
		return ok && sameLiteral(a, b)
	case *Logic:
		b, ok := b.(*Logic)
		return ok && a.Op == b.Op
	case *Unary:
		b, ok := b.(*Unary)
		return ok && a.Op == b.Op
	case *Binary:
		b, ok := b.(*Binary)
		return ok && a.Op == b.Op
	case *Compare:
		b, ok := b.(*Compare)
		return ok && slices.Equal(a.Ops, b.Ops)
	case *In:
		b, ok := b.(*In)
		return ok && a.Not == b.Not && a.Fold == b.Fold
	case *IsNull:
		b, ok := b.(*IsNull)
		return ok && a.Not == b.Not
	case *Of:
		b, ok := b.(*Of)
		return ok && a.Count == b.Count
	}
	return sameValue(a, b)
}

// sameValue is sameNode for values and their postfix parts.
func sameValue(a, b Node) bool {
	switch a := a.(type) {
	case *Name:
		b, ok := b.(*Name)
		return ok && a.Name == b.Name
	case *Element:
		b, ok := b.(*Element)
		return ok && a.Depth == b.Depth
	case *List:
		b, ok := b.(*List)
		return ok && a.Name == b.Name
	case *Field:
		b, ok := b.(*Field)
		return ok && a.Name == b.Name
	case *Slice:
		b, ok := b.(*Slice)
		return ok && (a.From == nil) == (b.From == nil) && (a.To == nil) == (b.To == nil)
	case *Call:
		b, ok := b.(*Call)
		return ok && a.Function == b.Function && slices.EqualFunc(a.Named, b.Named, sameName)
	}
	return sameBrackets(a, b)
}

func sameBrackets(a, b Node) bool {
	ok := false
	switch a.(type) {
	case *Tuple:
		_, ok = b.(*Tuple)
	case *Index:
		_, ok = b.(*Index)
	case *Array:
		_, ok = b.(*Array)
	case *Paren:
		_, ok = b.(*Paren)
	}
	return ok
}

func sameName(a, b NamedArg) bool { return a.Name == b.Name }

func sameLiteral(a, b *Literal) bool {
	return a.Kind == b.Kind && a.Bool == b.Bool && a.Int == b.Int && a.Float == b.Float && a.Text == b.Text && a.Raw == b.Raw
}
