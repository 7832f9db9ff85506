package observable

// Encoders returns the names of all services that Unwrap supports, some more than once.
func Encoders() []string {
	out := make([]string, len(rewriters))
	for i := range rewriters {
		out[i] = rewriters[i].name
	}
	return out
}
