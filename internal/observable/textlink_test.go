package observable_test

import (
	"slices"
	"strings"
	"testing"

	"outrider/internal/budget"
	"outrider/internal/observable"
)

// TestTextURLsInAnyScript holds where links begin and end in text of any script.
func TestTextURLsInAnyScript(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"官网：first-one.com":                          "http://first-one.com",
		"官网(first-one.com)":                         "http://first-one.com",
		"请打开www.first-one.com查看":                    "http://www.first-one.com",
		"请打开first-one.com查看":                        "http://first-one.com",
		"请打开http://first-one.com查看详情":               "http://first-one.com",
		"请打开http://first-one.com/a查看":               "http://first-one.com/a查看",
		"（https://first-one.com/a）":                 "https://first-one.com/a",
		"【https://first-one.com】":                   "https://first-one.com",
		"「www.first-one.com/x」":                     "http://www.first-one.com/x",
		"https://first-one.com。谢谢":                  "https://first-one.com",
		"https://first-one.com/a。谢谢":                "https://first-one.com/a",
		"https://first-one.com/a，b":                 "https://first-one.com/a",
		"https://first-one.com/a、https://b-two.com": "https://first-one.com/a https://b-two.com",
		"https://first-one.com/a！":                  "https://first-one.com/a",
		"https://first-one.com/a؟":                  "https://first-one.com/a",
		"https://first-one.com/a।":                  "https://first-one.com/a",
		"https://first-one.com/a — now":             "https://first-one.com/a",
		"https://first-one.com/a–now":               "https://first-one.com/a",
		"„https://first-one.com/a“":                 "https://first-one.com/a",
		"‹https://first-one.com/a›":                 "https://first-one.com/a",
		"https://first-one.com/a\u00a0now":          "https://first-one.com/a",
		"https://first-one.com/a\u3000今":            "https://first-one.com/a",
		"https://first-one.com/a…":                  "https://first-one.com/a",
		"사이트 www.first-one.com에서":                   "http://www.first-one.com",
		"https://first-one.com에서":                   "https://first-one.com",
		"https://first-one.com,https://b-two.com":   "https://first-one.com https://b-two.com",
		"https://first-one.com(see below)":          "https://first-one.com",
		"https://first-one.com:8443/a查看":            "https://first-one.com:8443/a查看",
		"https://例え.jp/日本語":                         "https://xn--r8jz45g.jp/日本語",
		"https://пример.com/путь":                   "https://xn--e1afmkfd.com/путь",
		"https://a,b.first-one.com/x":               "https://a,b.first-one.com/x",
		"http://intranet.corp/x":                    "http://intranet.corp/x",
		"见 main.go, lexer.py。README.md":             "",
		"价格3.5元。共2.0":                               "",
	} {
		var got []string
		for _, u := range observable.TextURLs(text, budget.New(budget.Default())) {
			got = append(got, u.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestParseURLKeepsOddHosts(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"http://xn--a.first.test/x": "xn--a.first.test", "http://XN--A.first.test/": "xn--a.first.test", "http://é-.first.test": "xn----9fa.first.test",
		"http://a,b.first.test": "a,b.first.test", "http://h(1).First.test": "h(1).first.test", "http://a`b.first.test": "a`b.first.test",
		"http://a{b}.first.test": "a{b}.first.test", "http://-a-.first.test": "-a-.first.test",
	} {
		u, ok := observable.ParseURL(raw)
		if !ok || u.Host != want || !u.IsWeb() || !u.Odd && !strings.HasPrefix(want, "-") {
			t.Errorf("%q: got %v %+v", raw, ok, u)
		}
	}
	for _, raw := range []string{"http://a|b.test/", "http://a^b.test/", "http://a<b.test/", "http://a%zz.test/", "http://a..test/", "http://" + strings.Repeat("a", 64) + ".test/", "http://" + strings.Repeat("a,", 130) + "test/"} {
		if u, ok := observable.ParseURL(raw); ok {
			t.Errorf("%.40q: got %+v", raw, u)
		}
	}
}

func TestFileLinks(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"file://share.test/a": "share.test", `file:\\share.test\a`: "share.test", "file:////share.test/a": "share.test", "file:///c:/a": "", "file:a": "",
	} {
		u, ok := observable.ParseURL(raw)
		if !ok || u.Host != want || u.IsLink() != (want != "") {
			t.Errorf("%q: got %v %+v", raw, ok, u)
		}
	}
}

func TestUnwrapLeavesBadPercentSigns(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://eu1.safelinks.protection.outlook.com/?url=https%3A%2F%2Ffirst.test%2F50%-off%2F&data=1": "https://first.test/50%-off/",
		"https://linkprotect.cudasvc.com/url?a=https%3a%2f%2ffirst.test%2fx%&c=E":                        "https://first.test/x%",
		"https://secure-web.cisco.com/1abc/https%3A%2F%2Ffirst.test%2F%zz":                               "https://first.test/%zz",
		"https://www.google.com/url?q=https%3A%2F%2Ffirst.test%2F%C3%28&sa=D":                            "https://first.test/\xc3(",
	} {
		u, _ := observable.ParseURL(raw)
		got, rw := observable.Unwrap(u)
		if got.String() != want || len(rw.Encoders) != 1 {
			t.Errorf("%s: got %q by %q", raw, got.String(), rw.Encoders)
		}
	}
}

// TestTextURLsOfHostileText holds that floods of what begins a link end in time.
func TestTextURLsOfHostileText(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"中.", "中", "a.中", "http://中", "www.", "w中.com", ".", "://", "http://a.com,", "é.", "a。"} {
		b := budget.New(budget.Default())
		urls := observable.TextURLs(strings.Repeat(unit, 1<<19/len(unit)), b)
		if len(urls) > 2000 {
			t.Errorf("%q: %d urls", unit, len(urls))
		}
		if slices.ContainsFunc(urls, func(u observable.URL) bool { return len(u.Host) > 253 }) {
			t.Errorf("%q: a host that is too long", unit)
		}
	}
}
