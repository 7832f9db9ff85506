package attachment

import "io"

// What the tests of this package reach inside for.
var (
	SevenZipAsks = sevenZipAsks
	RARRounds    = rarRounds
)

// ServeUnconfined is Serve in the process of the test.
func ServeUnconfined(r io.Reader, w io.Writer) error {
	return serve(r, w, func(Setup) error { return nil })
}
