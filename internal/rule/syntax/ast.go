// Package syntax parses and formats the rule language: the expressions about a message in
// the public rule feed and in rules of customers.
//
// Parse turns the text of one rule into a tree whose nodes have positions; Format prints a
// tree in the canonical form, with comments. This package does not define fields or
// functions: package rule does.
//
// The language has no published grammar; this one accepts every rule of the public feed.
//
// Limits: 1 MiB of text, 256 levels of nesting.
package syntax

// Pos is a position in the text of a rule.
type Pos struct {
	Offset int // in bytes, from 0
	Line   int // from 1
	Column int // in characters, from 1
}

// Node is an expression.
type Node interface {
	Pos() Pos // where it begins
	End() int // offset after its last byte
	node()
}

// span is the extent of a node.
type span struct {
	at  Pos
	end int
}

func (s span) Pos() Pos { return s.at }
func (s span) End() int { return s.end }
func (span) node()      {}

// Op is an operator.
type Op string

// The operators. Or, And, Add to Mod and the comparisons are binary; Not and Neg are unary.
const (
	Or     Op = "or"
	And    Op = "and"
	Not    Op = "not"
	Neg    Op = "neg" // written -
	Eq     Op = "=="
	Ne     Op = "!="
	EqFold Op = "=~"
	NeFold Op = "!~"
	Lt     Op = "<"
	Le     Op = "<="
	Gt     Op = ">"
	Ge     Op = ">="
	Add    Op = "+"
	Sub    Op = "-"
	Mul    Op = "*"
	Div    Op = "/"
	Mod    Op = "%"
)

// Kind is the type of a literal.
type Kind int

// The kinds of literals.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
)

// The nodes.
type (
	// Literal is a literal value.
	Literal struct {
		span
		Kind  Kind
		Bool  bool
		Int   int64
		Float float64
		Text  string // value of a string, unescaped
		Raw   bool   // a string in single quotes
	}
	// Logic is a chain of two or more operands of either Or or And: a and b and c is one
	// node. Operands in parentheses with the same operator are separate nodes.
	Logic struct {
		span
		Op       Op
		Operands []Node
	}
	// Unary is Not or Neg.
	Unary struct {
		span
		Op      Op
		Operand Node
	}
	// Binary is an arithmetic operation.
	Binary struct {
		span
		Op          Op
		Left, Right Node
	}
	// Compare is one comparison, or a chain such as 0 < x <= 5, with one more operand than
	// operators.
	Compare struct {
		span
		Ops      []Op
		Operands []Node
	}
	// In tests whether a value is among others.
	In struct {
		span
		Value Node
		Not   bool
		Fold  bool // in~
		List  Node // a *Tuple for parentheses, or any other expression
	}
	// Tuple is a parenthesised list on the right of In.
	Tuple struct {
		span
		Elements []Node
	}
	// IsNull is "is null" or "is not null".
	IsNull struct {
		span
		Value Node
		Not   bool
	}
	// Of is "N of (a, b, c)".
	Of struct {
		span
		Count    int64
		Operands []Node
	}
	// Name is a path from the root of the message: its first identifier.
	Name struct {
		span
		Name string
	}
	// Element is the element of an enclosing lambda: "." is of Depth 1, ".." of Depth 2,
	// "..." of Depth 3. A name after the dots is a Field over the Element.
	Element struct {
		span
		Depth int
	}
	// List is a named list: $free_email_providers.
	List struct {
		span
		Name string // without the dollar sign
	}
	// Field is a member of an object.
	Field struct {
		span
		Object Node
		Name   string
	}
	// Index is one element of a list, map or JSON value.
	Index struct {
		span
		Object Node
		Key    Node
	}
	// Slice is a part of a list.
	Slice struct {
		span
		Object   Node
		From, To Node // nil if omitted
	}
	// Call calls a function by its full name, "strings.icontains".
	Call struct {
		span
		Function string
		Args     []Node
		Named    []NamedArg // after the others
	}
	// Array is a list in brackets.
	Array struct {
		span
		Elements []Node
	}
	// Paren is an expression in parentheses, which Format keeps.
	Paren struct {
		span
		Inner Node
	}
)

// NamedArg is a keyword argument of a call.
type NamedArg struct {
	At    Pos
	Name  string
	Value Node
}

// Comment is a comment to the end of its line.
type Comment struct {
	At   Pos
	Text string // without the slashes, trimmed
	Own  bool   // on a line without code
}

// Expression is the parsed text of a rule.
type Expression struct {
	Root     Node
	Comments []Comment // in order
	Text     string
}

// Error is an error in the text.
type Error struct {
	At      Pos
	Message string
	Hint    string // suggested correction, or ""
}
