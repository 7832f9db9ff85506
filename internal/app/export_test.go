package app

// For tests of what a hostile message could do to a terminal or a spreadsheet.
var (
	Clip        = clip
	FormulaSafe = formulaSafe
)
