package signal

import "testing"

func TestNearName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, shown, want string
		shortest          int
		near              bool
	}{
		{"a letter off in a long word", "Ruth Bergner", "Ruth Berger", shortestTypo, true},
		{"a letter lacks in a short word", "Rut Berger", "Ruth Berger", shortestTypo, false},
		{"a letter lacks in a short word of a demand", "Rut Berger", "Ruth Berger", shortestDemand, true},
		{"a letter too many in a short word of a demand", "Ruthh Berger", "Ruth Berger", shortestDemand, true},
		{"another short name in a demand", "Rush Berger", "Ruth Berger", shortestDemand, false},
		{"two words off", "Rut Bergner", "Ruth Berger", shortestDemand, false},
		{"the name itself", "Ruth Berger", "Ruth Berger", shortestDemand, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := nearName(c.shown, c.want, c.shortest); got != c.near {
				t.Errorf("nearName(%q, %q, %d) = %v, want %v", c.shown, c.want, c.shortest, got, c.near)
			}
		})
	}
}

func TestNamesOfServicesAreTheirs(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]bool{"zoom": true, "docusign": true, "google": true, "paperflow": false, "helpdesk": false} {
		if got := isServiceName(word); got != want {
			t.Errorf("isServiceName(%q) = %v", word, got)
		}
	}
}
