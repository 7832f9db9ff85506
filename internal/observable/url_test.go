package observable_test

import (
	"strings"
	"testing"

	"outrider/internal/address"
	"outrider/internal/budget"
	"outrider/internal/observable"
)

func TestParseURLReadsHostsAsBrowsersDo(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, raw, host, path, user string
		port                        int
	}{
		{"a plain link", "https://Example.ORG/a?b#c", "example.org", "/a", "", 0},
		{"back-slashes and extra slashes", `http:\\\example.org\a`, "example.org", `\a`, "", 0},
		{"tabs and line breaks inside", "ht\ttp://exa\r\nmple.org/", "example.org", "/", "", 0},
		{"a user that looks like the host", "https://bank.example@evil.test/x", "evil.test", "/x", "bank.example", 0},
		{"the last at-sign counts", "https://a@b@evil.test/", "evil.test", "/", "a@b", 0},
		{"a percent-encoded host", "https://e%76il.test/", "evil.test", "/", "", 0},
		{"a port", "https://evil.test:8443/", "evil.test", "/", "", 8443},
		{"the port of the scheme", "https://evil.test:443/", "evil.test", "/", "", 0},
		{"one number", "http://3405803853/", "203.0.113.77", "/", "", 0},
		{"octal and hexadecimal", "http://0313.0x0.113.77/", "203.0.113.77", "/", "", 0},
		{"two parts", "http://203.7429/", "203.0.29.5", "/", "", 0},
		{"IPv6", "http://[2001:DB8::1]:81/", "2001:db8::1", "/", "", 81},
		{"IPv4 in IPv6", "http://[::ffff:203.0.113.7]/", "203.0.113.7", "/", "", 0},
		{"U-labels", "https://bücher.example/", "xn--bcher-kva.example", "/", "", 0},
		{"full-width letters and dots", "https://ｅｘａｍｐｌｅ。org/", "example.org", "/", "", 0},
		{"a spoiled link", "hxxps://evil[.]test/x", "evil.test", "/x", "", 0},
		{"without scheme, with slashes", "//evil.test/x", "evil.test", "/x", "", 0},
		{"a final dot", "https://evil.test./", "evil.test", "/", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			u, ok := observable.ParseURL(tt.raw)
			if !ok || u.Host != tt.host || u.Path != tt.path || u.User != tt.user || u.Port != tt.port {
				t.Errorf("got %v host %q path %q user %q port %d", ok, u.Host, u.Path, u.User, u.Port)
			}
		})
	}
}

func TestParseURLRefusesWhatHasNoHost(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "about", "https://", "https:///", "http://[::1", "http://256.1.1.1.1/", "https://a b.test/", "/relative", "https://single/"} {
		if u, ok := observable.ParseURL(raw); ok {
			t.Errorf("%q: got %+v", raw, u)
		}
	}
}

func TestAddressIsNoURL(t *testing.T) {
	t.Parallel()
	if got := observable.TextURLs("write to www.bank@mail.test or see www.mail.test/@bank", budget.New(budget.Default())); len(got) != 1 || got[0].Path != "/@bank" {
		t.Errorf("got %+v", got)
	}
}

func TestTextURLsFindsWhatClientsLink(t *testing.T) {
	t.Parallel()
	text := "See https://a.test/x, (http://b.test/y(1)), www.c.test. seehttp://d.test; hxxp://e.test/z] <https://f.test/?q=1> " +
		"not awww.g.test nor foo://h.test"
	var got []string
	for _, u := range observable.TextURLs(text, budget.New(budget.Default())) {
		got = append(got, u.Host+u.Path)
	}
	if want := "a.test/x b.test/y(1) www.c.test d.test e.test/z f.test/"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", strings.Join(got, " "), want)
	}
}

func TestURLsStopAtTheBudget(t *testing.T) {
	t.Parallel()
	l := budget.Default()
	l.Of[budget.URLs] = 3
	b := budget.New(l)
	if n := len(observable.TextURLs(strings.Repeat("http://a.test/ ", 10), b)); n != 3 {
		t.Errorf("got %d URLs, want 3", n)
	}
	if len(b.Exceeded()) != 1 {
		t.Error("the budget does not know that it was exceeded")
	}
}

func TestShownDomain(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"www.bank.com/login": "www.bank.com", "https://Bank.com": "bank.com", " bank.co.uk ": "bank.co.uk",
		"Click here": "", "bank": "", "ann@bank.com": "", "report.pdf1": "", "": "",
	} {
		if got := observable.ShownDomain(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestImitates(t *testing.T) {
	t.Parallel()
	tests := []struct {
		domain, target string
		want           bool
	}{
		{"northwlnd.com", "northwind.com", true},
		{"northwnid.com", "northwind.com", true},
		{"northwind.net", "northwind.com", true},
		{"example.com", "example.org", false},
		{"examp1e.com", "example.org", true},
		{"example.org.evil.test", "example.org", true},
		{"northwind-pay.com", "northwind.com", true},
		{"northwindlogin.com", "northwind.com", true},
		{"northwind.com.evil.test", "northwind.com", true},
		{"northwind-com.evil.test", "northwind.com", true},
		{normal("nοrthwind.com"), "northwind.com", true},
		{"mail.northwind.com", "northwind.com", false},
		{"southwind.com", "northwind.com", false},
		{"north.com", "northwind.com", false},
		{"abd.com", "abc.com", false},
		{"", "northwind.com", false},
	}
	for _, tt := range tests {
		if how, got := observable.Imitates(tt.domain, tt.target); got != tt.want {
			t.Errorf("%s as %s: got %v (%s)", tt.domain, tt.target, got, how)
		}
	}
}

func normal(domain string) string {
	d, err := address.Domain(domain)
	if err != nil {
		panic(err)
	}
	return d
}

func FuzzTextURLs(f *testing.F) {
	for _, s := range []string{"http://a.test/", "www.a.test", `h:\\a`, "http://[::1]:99999/", "http://%zz@0x7f.1/", "hxxp://a[.]b (http://c)", "://" + strings.Repeat("/", 50)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, u := range observable.TextURLs(s, budget.New(budget.Default())) {
			if u.Host == "" || len(u.Raw) > len(s) || strings.ContainsAny(u.Host, " /\\@") {
				t.Errorf("%q: %+v", s, u)
			}
			if again, ok := observable.ParseURL(u.Scheme + "://" + hostPart(u.Host)); !ok || again.Host != u.Host {
				t.Errorf("%q: host %q is read as %q", s, u.Host, again.Host)
			}
		}
	})
}

func hostPart(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// TestTextURLsFindsNamesOfHosts has names that clients make links of without a scheme, and
// what only looks like one.
func TestTextURLsFindsNamesOfHosts(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		{"sign in at secure-pay.com today", "secure-pay.com"},
		{"(evil.example.com/login?id=1), now", "evil.example.com/login?id=1"},
		{"Go to EXAMPLE.COM.", "EXAMPLE.COM"},
		{"bit.ly/3xYz", "bit.ly/3xYz"},
		{"see <b>pay.app</b>", "pay.app"},
		{"at münchen-bank.de", "münchen-bank.de"},
		{"at bank.no", ""}, // a word with a suffix, and no path
		{"at bank.no/tan", "bank.no/tan"},
		{"setup.py and README.md/x and kernel/fs.com/", ""},
		{"It is done.So we go. Ask him.is it", ""},
		{"write to ann@example.com or x.y@b.example.com", ""},
		{"call os.path.com(1) with a=b.com", ""},
		{"version 1.2.3.4 of foo.conf and e.g. this", ""},
		{"http://one.test/two.com three.com", "http://one.test/two.com three.com"},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, u := range observable.TextURLs(test.text, budget.New(budget.Default())) {
				got = append(got, u.Raw)
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %q, want %q", strings.Join(got, " "), test.want)
			}
		})
	}
}
