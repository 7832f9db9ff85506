package syntax

// Key returns the canonical spelling of a node on one line: without comments and redundant
// parentheses, with strings in double quotes. Parsed again it has the same meaning and the
// same key; trees that are Equal have the same key.
func Key(n Node) string { return string(AppendKey(nil, n)) }

// AppendKey appends the key of a node.
func AppendKey(b []byte, n Node) []byte {
	s := speller{b: b}
	s.node(n, bindOr)
	return s.b
}

// Quote returns a string in double quotes, with escapes for invisible characters.
func Quote(text string) string { return string(appendQuoted(nil, text)) }
