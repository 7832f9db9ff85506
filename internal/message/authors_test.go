package message_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outrider/internal/message"
)

// TestObsoleteAndBrokenAddresses holds the domains that some client reads out of From.
func TestObsoleteAndBrokenAddresses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in      string
		domains []string
		local   string // of the first mailbox
		defect  message.AddressDefect
	}{
		"a plain address":                     {`Ann <ann@one.test>`, []string{"one.test"}, "ann", ""},
		"a comment after the domain":          {`Ann <ann@one.test(@two.test)>`, []string{"one.test"}, "ann", ""},
		"a nested comment with a bracket":     {`Ann <ann@one.test(a (>) @two.test)>`, []string{"one.test"}, "ann", ""},
		"a comment after a bare domain":       {`ann@one.test(@two.test)`, []string{"one.test"}, "ann", ""},
		"a comment before the domain":         {`Ann <ann@(two.test)one.test>`, []string{"one.test"}, "ann", ""},
		"a comment between labels":            {`Ann <ann@one(x).(y)test>`, []string{"one.test"}, "ann", ""},
		"a comment between bare labels":       {`ann@one(x).(y)test`, []string{"one.test"}, "ann", ""},
		"a comment that does not end":         {`Ann <ann@one.test(@two.test>`, []string{"two.test", "one.test"}, "ann", message.AddressSeveralAt},
		"a space after a dot":                 {`Ann <ann@one. test>`, []string{"one.test"}, "ann", ""},
		"a tab before a dot":                  {"Ann <ann@one\t.test>", []string{"one.test"}, "ann", ""},
		"a fold before a dot":                 {"Ann <ann@one\r\n .test>", []string{"one.test"}, "ann", ""},
		"a fold before a dot without bracket": {"ann@one\r\n .test", []string{"one.test"}, "ann", ""},
		"a space after a bare dot":            {`ann@one. test`, []string{"one.test"}, "ann", ""},
		"spaces around the at":                {`Ann <ann @ one.test>`, []string{"one.test"}, "ann", ""},
		"spaces around a bare at":             {`ann @ one.test`, []string{"one.test"}, "ann", ""},
		"a quoted at":                         {`"x@two.test"@one.test`, []string{"one.test"}, "x@two.test", ""},
		"a quoted at in brackets":             {`Ann <"x@two.test"@one.test>`, []string{"one.test"}, "x@two.test", ""},
		"a quoted at with a space":            {`"x@two.test" @one.test`, []string{"one.test"}, "x@two.test", ""},
		"a quoted quote":                      {`Ann <"x\"@two.test"@one.test>`, []string{"one.test"}, `x"@two.test`, ""},
		"a quoted bracket":                    {`Ann <"x> <y@two.test"@one.test>`, []string{"one.test"}, "x> <y@two.test", ""},
		"a local part of words":               {`Ann <ann . "lee"@one.test>`, []string{"one.test"}, `ann."lee"`, ""},
		"two ats":                             {`Ann <ann@one.test@two.test>`, []string{"two.test", "one.test"}, "ann", message.AddressSeveralAt},
		"two bare ats":                        {`ann@one.test@two.test`, []string{"two.test", "one.test"}, "ann", message.AddressSeveralAt},
		"three ats":                           {`Ann <ann@one.test@two.test@three.test>`, []string{"three.test", "two.test", "one.test"}, "ann", message.AddressSeveralAt},
		"an at at the end":                    {`Ann <ann@one.test@>`, []string{"one.test"}, "ann", message.AddressSeveralAt},
		"two words":                           {`Ann <ann@one.test two.test>`, []string{"one.test", "two.test", "one.testtwo.test"}, "ann", message.AddressSeveralWords},
		"two bare words":                      {`ann@one.test two.test`, []string{"one.test", "two.test", "one.testtwo.test"}, "ann", message.AddressSeveralWords},
		"a domain cut by a space":             {`Ann <ann@on e.test>`, []string{"e.test", "one.test"}, "ann", message.AddressSeveralWords},
		"a comma":                             {`Ann <ann@one.test,x@two.test>`, []string{"two.test", "one.test"}, "ann", message.AddressSeveralAt},
		"a control character":                 {"Ann <ann@one\x01.test>", []string{"one.test"}, "ann", message.AddressUnreadable},
		"an encoded address":                  {`Ann <=?utf-8?q?ann=40one=2Etest?=>`, []string{"one.test"}, "ann", message.AddressEncoded},
		"an encoded address without brackets": {`=?utf-8?q?ann=40one=2Etest?=`, []string{"one.test"}, "ann", message.AddressEncoded},
		"an encoded local part":               {`Ann <=?utf-8?q?ann=40one=2Etest?=@two.test>`, []string{"two.test", "one.test"}, "=?utf-8?q?ann=40one=2Etest?=", message.AddressEncoded},
		"a quoted address":                    {`"ann@one.test"`, []string{"one.test"}, "ann", message.AddressQuoted},
		"a source route":                      {`<@one.test:ann@two.test>`, []string{"two.test", "one.test"}, "ann", message.AddressRoute},
		"a literal that holds a name":         {`Ann <ann@[one.test]>`, []string{"one.test"}, "ann", message.AddressUnreadable},
		"two fields":                          {"Ann <ann@one.test>\r\nFrom: Eve <eve@two.test>", []string{"one.test", "two.test"}, "ann", ""},
		"a group":                             {`"ann@one.test" : Eve <eve@two.test>;`, []string{"two.test"}, "eve", ""},
		"an address before a colon":           {`ann@one.test : Eve <eve@two.test>;`, []string{"one.test", "two.test"}, "ann", ""},
		"an address after the brackets":       {`<eve@two.test> ann@one.test`, []string{"two.test", "one.test"}, "eve", ""},
		"a name with a comma":                 {`Lee, Ann <ann@one.test>`, []string{"one.test"}, "Lee", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := message.Parse([]byte("From: "+tc.in+"\r\n\r\n"), nil).Authors()
			if diff := cmp.Diff(tc.domains, a.Domains); diff != "" {
				t.Errorf("domains (-want +got):\n%s", diff)
			}
			if box := a.Mailboxes[0]; box.Local != tc.local || box.Defect != tc.defect || a.Nameless || a.More {
				t.Errorf("got %+v of %+v", box, a)
			}
		})
	}
}

func TestAuthorsWithoutDomain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in       string
		nameless bool
	}{
		"no address":              {"Ann Lee", true},
		"no field":                {"", true},
		"a local part":            {"<ann>", true},
		"an address literal":      {"ann@[192.0.2.1]", true},
		"no name after the at":    {"<ann@!>", true},
		"a label of 64":           {"<ann@" + strings.Repeat("a", 64) + ".test>", true},
		"a domain of 254":         {"<ann@" + strings.Repeat("a.", 125) + "test>", true},
		"one of two is no name":   {"<ann@one.test>, <eve@!>", true},
		"a domain of 253":         {"<ann@" + strings.Repeat("a.", 124) + "atest>", false},
		"a name beside an author": {"Lee, Ann <ann@one.test>", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if a := message.Parse([]byte("From: "+tc.in+"\r\n\r\n"), nil).Authors(); a.Nameless != tc.nameless {
				t.Errorf("got %+v", a)
			}
		})
	}
}

func TestAuthorsAreBounded(t *testing.T) {
	t.Parallel()
	var many, ats strings.Builder
	for i := range 300 {
		name := strings.Repeat("x", i%60+1) + strings.Repeat("y", i/60)
		many.WriteString("a@" + name + ".test, ")
		ats.WriteString("@" + name + ".test")
	}
	a := message.Parse([]byte("From: "+many.String()+"\r\n\r\n"), nil).Authors()
	if len(a.Domains) != 200 || !a.More {
		t.Errorf("%d domains, more %v", len(a.Domains), a.More)
	}
	a = message.Parse([]byte("From: <a@first.test"+ats.String()+"@last.test>\r\n\r\n"), nil).Authors()
	if !slices.Contains(a.Domains, "first.test") || !slices.Contains(a.Domains, "last.test") || len(a.Domains) > 21 {
		t.Errorf("got %q", a.Domains)
	}
}
