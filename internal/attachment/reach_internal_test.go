package attachment

import "testing"

// TestReachesOut holds which scripts of PDF open, send or save something, or hide what they do.
func TestReachesOut(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]bool{
		`app.launchURL("http://a.test")`:    true,
		`THIS.SUBMITFORM ("x")`:             true,
		"eval\n\t(x)":                       true,
		`a["eval"](x)`:                      true,
		`a[ 'b' ] (x)`:                      true,
		`SOAP.connect(x)`:                   true,
		`x = "%u4141%u4242"`:                true,
		`x = "\x41\x42"`:                    true,
		`util . printf("%45000f", 1)`:       true,
		`AFNumber_Format(2, 0, 0, 0, "")`:   false,
		`event.value = this.getField("a")`:  false,
		`myeval(x); evaluate(x); eval = 1;`: false,
		`var a = [1, 2]; a[0] = "50%";`:     false,
		`util.printd("dd", x)`:              false,
		`app.alert("a\x41")`:                false,
		``:                                  false,
	} {
		if got := reachesOut(script); got != want {
			t.Errorf("%s: %v", script, got)
		}
	}
}
