package message_test

import (
	"strings"
	"testing"

	"outrider/internal/mailtest"
	"outrider/internal/message"
)

// TestTimeGrowsWithFrom reads families of From fields that are easy to read again and again.
func TestTimeGrowsWithFrom(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string][2]string{
		"a domain of many labels":  {"<a@", "a."},
		"a domain of one label":    {"<a@", "a"},
		"A-labels":                 {"<a@", "xn--a."},
		"labels of another script": {"<a@", "ö."},
		"ats":                      {"<a", "@b.test"},
		"addresses":                {"", "a@b.test, "},
		"addresses without comma":  {"", "a@b.test "},
		"comments in a domain":     {"<a@b", "(c)."},
		"open comments":            {"<a@b", "("},
		"folds":                    {"<a@b", "\r\n ."},
		"quotes":                   {"", `"a" `},
		"open quotes":              {`"`, `\"`},
		"groups":                   {"", "a:b@c.test;"},
		"routes":                   {"<", "@a.test,"},
		"encoded-words":            {"", "=?utf-8?q?a?= "},
		"encoded addresses":        {"", "=?utf-8?q?a=40b=2etest?=, "},
		"angles":                   {"", "<"},
		"fields":                   {"a@b.test", "\r\nFrom: a@b.test"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mailtest.Linear(t, 1<<16, func(size int) {
				raw := []byte("From: " + tc[0] + strings.Repeat(tc[1], size/len(tc[1])) + "\r\n\r\n")
				message.Parse(raw, nil).Authors()
			})
		})
	}
}
