package schema

import (
	"math"
	"time"
)

// Kind is the kind of a type or a value.
type Kind uint8

// The kinds. Dynamic is a type only: a JSON value, whose kind is known at run time.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	Time
	Object
	List
	Map
	Dynamic
)

// String returns the name of the kind in messages for authors of rules.
func (k Kind) String() string {
	return [...]string{"null", "bool", "int", "float", "string", "time", "object", "list", "map", "json"}[k]
}

// Value is a value of the rule language. The zero Value is null. Values are small and are
// copied; the data that they point to is shared and immutable.
type Value struct {
	kind Kind
	num  uint64 // of Bool, Int and Float
	text string // of String
	ref  any    // pointer to a struct of Object, a Sequence of List, a Mapping of Map, a time
}

// Sequence is the content of a list.
type Sequence interface {
	Len() int
	At(i int) Value
}

// Mapping is the content of a map.
type Mapping interface {
	Len() int
	Get(key string) (Value, bool)
	Keys() []string // sorted
}

// OfBool returns a bool.
func OfBool(b bool) Value {
	if b {
		return Value{kind: Bool, num: 1}
	}
	return Value{kind: Bool}
}

// OfInt returns an int.
func OfInt(i int64) Value { return Value{kind: Int, num: uint64(i)} }

// OfFloat returns a float.
func OfFloat(f float64) Value { return Value{kind: Float, num: math.Float64bits(f)} }

// OfString returns a string.
func OfString(s string) Value { return Value{kind: String, text: s} }

// OfTime returns a point in time.
func OfTime(t time.Time) Value { return Value{kind: Time, ref: t} }

// OfList returns a list; a nil one is null.
func OfList(s Sequence) Value {
	if s == nil {
		return Value{}
	}
	return Value{kind: List, ref: s}
}

// OfMap returns a map.
func OfMap(m Mapping) Value { return Value{kind: Map, ref: m} }

// OfObject returns a struct by its pointer; nil is null.
func OfObject[T any](p *T) Value {
	if p == nil {
		return Value{}
	}
	return Value{kind: Object, ref: p}
}

// Kind returns the kind of the value.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether the value is null.
func (v Value) IsNull() bool { return v.kind == Null }

// True reports whether the value is the bool true.
func (v Value) True() bool { return v.kind == Bool && v.num == 1 }

// Int returns the int, or 0.
func (v Value) Int() int64 {
	if v.kind != Int {
		return 0
	}
	return int64(v.num)
}

// Number returns an int or a float as a float.
func (v Value) Number() (float64, bool) {
	switch v.kind {
	case Int:
		return float64(v.Int()), true
	case Float:
		return math.Float64frombits(v.num), true
	default:
		return 0, false
	}
}

// Text returns the string, or "".
func (v Value) Text() string { return v.text }

// List returns the list, or nil.
func (v Value) List() Sequence {
	if v.kind != List {
		return nil
	}
	s, _ := v.ref.(Sequence)
	return s
}

// Map returns the map, or nil.
func (v Value) Map() Mapping {
	if v.kind != Map {
		return nil
	}
	m, _ := v.ref.(Mapping)
	return m
}

// Time returns the point in time.
func (v Value) Time() (time.Time, bool) {
	t, ok := v.ref.(time.Time)
	return t, ok && v.kind == Time
}

// Ref returns the pointer of an object, or nil.
func (v Value) Ref() any {
	if v.kind != Object {
		return nil
	}
	return v.ref
}

// Values is a list of values.
type Values []Value

// Len returns the number of values.
func (l Values) Len() int { return len(l) }

// At returns one value.
func (l Values) At(i int) Value { return l[i] }

// objects, texts and similar types provide slices of Go structs as lists, without a copy.
type objects[T any] []T

func (l *objects[T]) Len() int       { return len(*l) }
func (l *objects[T]) At(i int) Value { return OfObject(&(*l)[i]) }

// Strings is a list of strings.
type Strings []string

// Len returns the number of strings.
func (l *Strings) Len() int { return len(*l) }

// At returns one string.
func (l *Strings) At(i int) Value { return OfString((*l)[i]) }

// OfStrings returns a list of strings. It keeps the slice.
func OfStrings(s []string) Value { return OfList((*Strings)(&s)) }

// OfObjects returns a list of the structs of a slice. It keeps the slice.
func OfObjects[T any](s []T) Value { return OfList((*objects[T])(&s)) }

// optional returns the value that a pointer points to, or null.
func optional[T any](p *T, of func(T) Value) Value {
	if p == nil {
		return Value{}
	}
	return of(*p)
}

func ofInt(i int) Value { return OfInt(int64(i)) }
