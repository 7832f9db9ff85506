// Package authres parses Authentication-Results fields, in which receivers record the
// results of SPF, DKIM, DMARC and other methods, and the ARC-Authentication-Results that
// forwarders seal.
//
// Only the grammar's result production is a result: comments and quoted strings may hold
// any character, and often hold text by the sender of the message.
//
// Standards: RFC 8601 (Authentication-Results), RFC 8617 Section 4.1.1 (ARC), RFC 5322
// Section 3.2 (quoted strings and comments).
//
// Divergences: the host name may be missing, since two large providers omit it. A property
// may lack its type ("action=none"). A quoted local part inside a comment is one item,
// although RFC 5322 gives quotes no meaning there: receivers copy the envelope sender into
// comments without escaping its brackets. An unterminated quoted string or comment extends
// to the end of the field.
//
// Limits: MaxField bytes and MaxResults results of one field.
package authres

import "strings"

// Bounds on one field.
const (
	MaxField   = 32 << 10 // bytes; large receivers write 4 KiB
	MaxResults = 200      // results; large receivers write 10, and one per signature for senders with many
	maxProps   = 50       // properties of one result
)

// Field is one Authentication-Results field.
type Field struct {
	Instance string // of an ARC set ("i="), or ""
	Host     string // authserv-id, as written, or ""
	Version  string // of the host's format, or ""
	Results  []Result
	Cut      bool // the field exceeds a limit
}

// Result is the result of one method.
type Result struct {
	Method  string // lower case, without its version
	Value   string // lower case
	Reason  string
	Comment string // all comments of the result, separated by spaces
	Props   []Prop
}

// Prop is one property: an input of the method.
type Prop struct {
	Name  string // lower case, with its type: "header.from"; large providers omit some types
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

// Tag returns the value of a property without a type, or of "name=value" in a comment,
// where receivers write the policy of the domain ("p=REJECT sp=NONE dis=NONE").
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

// Parse parses the value of one field, unfolded or not. It never fails: malformed results
// are left out.
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
