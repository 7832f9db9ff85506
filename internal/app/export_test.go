package app

// For tests of what a hostile message could do to a terminal or a spreadsheet.
var (
	Clip        = clip
	FormulaSafe = formulaSafe
)

// Secret is how the gateway's own secrets are read.
var Secret = secret

// AdviseLogo is what check says of the logo of a domain.
var AdviseLogo = adviseLogo
