// Package authres reads Authentication-Results fields, in which receivers write down what
// SPF, DKIM, DMARC and other methods found, and the ARC-Authentication-Results that
// forwarders seal.
//
// Only what the grammar makes a result is one: comments and quoted strings may hold any
// character, and often hold what the sender of the message chose.
//
// Standards: RFC 8601 (Authentication-Results), RFC 8617 Section 4.1.1 (ARC), RFC 5322
// Section 3.2 (quoted strings and comments).
//
// Divergences: the name of the host may be missing, as two large providers leave it out.
// A property may stand without its type ("action=none"). A quoted local part inside of a
// comment is one item, although RFC 5322 gives quotes no meaning there: receivers copy the
// envelope sender into comments without escaping its brackets. A quoted string or comment
// that does not end reaches to the end of the field.
//
// Limits: MaxField bytes and MaxResults results of one field.
package authres

import "strings"

// Bounds on one field.
const (
	MaxField   = 32 << 10 // bytes; large receivers write 4 KiB
	MaxResults = 200      // results; large receivers write 10, and one for each signature of a sender who adds many
	maxProps   = 50       // properties of one result
)

// Field is one Authentication-Results field.
type Field struct {
	Instance string // of an ARC set ("i="), or ""
	Host     string // who wrote the results, as written, or ""
	Version  string // of the host's format, or ""
	Results  []Result
	Cut      bool // the field is longer, or has more results, than is read
}

// Result is what one method found.
type Result struct {
	Method  string // lower case, without its version
	Value   string // lower case
	Reason  string
	Comment string // all comments of the result, one space between two
	Props   []Prop
}

// Prop is one property: what was looked at.
type Prop struct {
	Name  string // lower case, with its type: "header.from"; large providers write some without
	Value string // quotes removed
}

// Prop returns the value of the first property with one of the names, in the order of the
// names, or "".
func (r *Result) Prop(names ...string) string {
	for _, name := range names {
		for _, p := range r.Props {
			if p.Name == name {
				return p.Value
			}
		}
	}
	return ""
}

// Tag returns the value of a property without a type, or of a word "name=value" in a
// comment: receivers write the policy of the domain there ("p=REJECT sp=NONE dis=NONE").
func (r *Result) Tag(name string) string {
	if v := r.Prop(name); v != "" {
		return v
	}
	for word := range strings.FieldsFuncSeq(r.Comment, separatesTags) {
		if key, v, ok := strings.Cut(word, "="); ok && strings.EqualFold(key, name) {
			return v
		}
	}
	return ""
}

func separatesTags(c rune) bool { return strings.ContainsRune(" \t;,()", c) }

// Parse reads the value of one field, unfolded or not. It never fails: what is no result
// is left out.
func Parse(value string) Field {
	f := Field{Cut: len(value) > MaxField}
	r := reader{s: value[:min(len(value), MaxField)]}
	for first := true; ; first = false {
		item := r.result()
		switch {
		case len(f.Results) == MaxResults:
			f.Cut = true
		case item.Method == "":
		case item.Value == "" && (first || f.Instance != "" && f.Host == "" && len(f.Results) == 0):
			f.Host, f.Version = item.name, item.Reason
		case item.Method == "i" && first:
			f.Instance = item.Value
		case item.Value != "":
			f.Results = append(f.Results, item.Result)
		}
		if !r.next() || f.Cut && len(f.Results) == MaxResults {
			return f
		}
	}
}
