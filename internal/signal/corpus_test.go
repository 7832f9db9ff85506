package signal_test

import (
	"bytes"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"outrider/internal/attachment"
	"outrider/internal/budget"
	"outrider/internal/evidence"
	"outrider/internal/history"
	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/signal"
	"outrider/internal/smtp"
)

// A corpus testdata/<id>.txtar holds the messages of one signal. Its comment says what
// is expected of each file, in lines of these forms:
//
//	expect <id>: file, file
//	expect not <id>: file, file
//	auth file: dmarc=fail policy=reject spf=pass:example.com dkim=pass:example.com
//	client file: 203.0.113.5
//	known file: 12
//	first file
//
// A message that lacks To, Date or Message-ID gets them. "auth" gives what our edge
// found (without it, nobody checked); "known" is the number of wanted messages that the
// address sent before, one a day or "in one day", "first" says that it sent none.
type corpus struct {
	yes, no []string
	context map[string][]string // lines about each file
	files   map[string]string
}

func readCorpus(t *testing.T, path, id string) corpus {
	t.Helper()
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := corpus{context: make(map[string][]string), files: make(map[string]string)}
	for line := range strings.Lines(string(a.Comment)) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "expect not "+id+": "); ok {
			c.no = append(c.no, strings.Split(rest, ", ")...)
		} else if rest, ok := strings.CutPrefix(line, "expect "+id+": "); ok {
			c.yes = append(c.yes, strings.Split(rest, ", ")...)
		} else if line != "" && !strings.HasPrefix(line, "#") {
			key, rest, _ := strings.Cut(line, " ")
			file, value, _ := strings.Cut(rest, ":")
			c.context[file] = append(c.context[file], key+" "+strings.TrimSpace(value))
		}
	}
	for _, f := range a.Files {
		c.files[f.Name] = string(f.Data)
	}
	return c
}

func TestEverySignalFindsWhatItMustAndPassesNearMisses(t *testing.T) {
	t.Parallel()
	for _, s := range signal.All() {
		t.Run(s.ID, func(t *testing.T) {
			t.Parallel()
			c := readCorpus(t, filepath.Join("testdata", s.ID+".txtar"), s.ID)
			if len(c.yes) < 2 || len(c.no) < 2 || len(c.yes)+len(c.no) != len(c.files) {
				t.Errorf("corpus has %d cases, %d near misses, %d files; want two of each, every file named", len(c.yes), len(c.no), len(c.files))
			}
			t.Logf("%d cases, %d near misses", len(c.yes), len(c.no))
			for name, text := range c.files {
				e := caseEvidence(t, text, c.context[name])
				var ids []string
				found, _ := signal.New(nil).Detect(t.Context(), e)
				for _, f := range found {
					ids = append(ids, f.ID)
					if strings.Contains(f.Reason, "%!") || f.Reason == "" || f.Weight == 0 {
						t.Errorf("%s: finding %s has reason %q and weight %v", name, f.ID, f.Reason, f.Weight)
					}
				}
				if want := slices.Contains(c.yes, name); slices.Contains(ids, s.ID) != want {
					t.Errorf("%s: expected %v, found %v", name, want, ids)
				}
			}
		})
	}
}

// opensHere opens files in this process.
func opensHere(t *testing.T) func([]attachment.Input) []*attachment.Report {
	t.Helper()
	return func(ins []attachment.Input) []*attachment.Report {
		return (&attachment.Tools{}).InspectAll(t.Context(), ins, attachment.DefaultLimits())
	}
}

// caseEvidence builds the evidence of one case for the default tenant.
func caseEvidence(t *testing.T, text string, context []string) *evidence.Evidence {
	t.Helper()
	for _, f := range []string{"To: tomas.berger@example.org", "Date: Tue, 10 Nov 2026 12:00:00 +0000", "Message-ID: <case@corpus.example>"} {
		name, _, _ := strings.Cut(f, ":")
		if header, _, _ := strings.Cut(text, "\n\n"); !strings.Contains("\n"+header, "\n"+name+":") {
			text = f + "\n" + text
		}
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "No-Date: 1\n", ""), "\n", "\r\n")
	b := budget.New(budget.Default())
	m := message.Parse([]byte(text), b)
	tn := defaultTenant(t)
	f := evidence.Facts{
		Open: opensHere(t),
		Scan: func(data []byte) (string, error) {
			if bytes.Contains(data, []byte("known to a scanner")) {
				return "Test.Sample", nil
			}
			return "", nil
		},
		Message: m, Tenant: tn, Domain: tn.Domains[0], Budget: b, Contact: history.Contact{},
		Received: &message.Received{
			ID: "0", Source: message.SourceSMTP, Body: message.NewBody([]byte(text)), At: time.Date(2026, 11, 10, 13, 0, 0, 0, time.UTC),
			Envelope: smtp.Envelope{Recipients: []smtp.Recipient{{Address: "tomas.berger@example.org"}}},
			Peer:     message.Peer{Addr: netip.MustParseAddr("203.0.113.9")},
		},
	}
	for _, line := range context {
		key, value, _ := strings.Cut(line, " ")
		setContext(t, &f, key, value)
	}
	return evidence.New(f)
}

func setContext(t *testing.T, f *evidence.Facts, key, value string) {
	t.Helper()
	switch key {
	case "auth":
		f.Auth = parseAuth(t, f.Message, value)
	case "client":
		f.Received.Peer.Addr = netip.MustParseAddr(value)
	case "known":
		messages, wave := strings.CutSuffix(value, " in one day")
		n, err := strconv.Atoi(messages)
		if err != nil {
			t.Fatal(err)
		}
		days := n
		if wave {
			days = 1
		}
		seen := history.Sender{First: time.Unix(1, 0), Last: time.Unix(2, 0), Messages: n, Days: days}
		f.Contact = history.Contact{Known: true, Address: seen, Domain: seen}
	case "first":
		f.Contact = history.Contact{Known: true}
	default:
		t.Fatalf("context %q is not known", key)
	}
}

func parseAuth(t *testing.T, m *message.Message, value string) mailauth.Results {
	t.Helper()
	r := mailauth.Results{Source: mailauth.SourceEdge, SPF: mailauth.SPF{Result: mailauth.None}, DMARC: mailauth.DMARC{Result: mailauth.None}}
	if from := m.Header().Mailboxes("From"); len(from) > 0 {
		r.DMARC.Domain = from[0].Domain
	}
	for field := range strings.FieldsSeq(value) {
		k, v, _ := strings.Cut(field, "=")
		result, domain, _ := strings.Cut(v, ":")
		switch k {
		case "spf":
			r.SPF = mailauth.SPF{Result: mailauth.Result(result), Domain: domain}
		case "dkim":
			r.DKIM = append(r.DKIM, mailauth.DKIM{Result: mailauth.Result(result), Domain: domain})
		case "dmarc":
			r.DMARC.Result = mailauth.Result(result)
		case "policy":
			r.DMARC.Policy = v
		default:
			t.Fatalf("auth %q is not known", field)
		}
	}
	return r
}
