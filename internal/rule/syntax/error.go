package syntax

import "strconv"

// String returns "line:column".
func (p Pos) String() string { return strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column) }

// Error returns "line:column: message (hint)".
func (e *Error) Error() string {
	text := e.At.String() + ": " + e.Message
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}
