package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/mailtest"
	"outrider/internal/smtpd"
)

// What keeps a gateway from starting, or mail from flowing, fails; and looking changes nothing.
func TestCheckFindsWhatWouldFail(t *testing.T) {
	t.Parallel()
	cert, key, err := smtpd.EnsureSelfSigned(t.TempDir(), "gw.example.org")
	if err != nil {
		t.Fatal(err)
	}
	_, otherKey, err := smtpd.EnsureSelfSigned(t.TempDir(), "gw.example.org")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, old, with, want string
		fails                 bool
	}{
		{"a good certificate", "dns:", fmt.Sprintf("tls: {cert: %s, key: %s}\ndns:", cert, key), "ok    certificate", false},
		{"a certificate without its key", "dns:", fmt.Sprintf("tls: {cert: %s, key: %s}\ndns:", cert, key+".none"), "FAIL  certificate", true},
		{"the key of another certificate", "dns:", fmt.Sprintf("tls: {cert: %s, key: %s}\ndns:", cert, otherKey), "FAIL  certificate", true},
		{"a signal that does not exist", "dns:", "detection: {disable: [credential-lur]}\ndns:", "is the id of no signal", true},
		{"a route to itself", "{type: maildir, path:", `{hosts: ["localhost:2599"]} #`, "leads back to Outrider", true},
		{"a directory that cannot be made", "data_dir: ", "data_dir: /dev/null", "FAIL  data directory", true},
		{"a clamd that does not run", "dns:", "attachments: {clamav: /nonexistent.ctl}\ndns:", "warn  clamav", false},
		{"nothing wrong", "dns:", "dns:", "ok    data directory", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := &bundle{t: t, dir: t.TempDir()}
			b.maildir = filepath.Join(b.dir, "maildir")
			b.config = write(t, filepath.Join(b.dir, "o.yaml"), strings.Replace(b.yaml("127.0.0.1:2599", ""), test.old, test.with, 1))
			code, out, errOut := b.run("check")
			if !strings.Contains(out, test.want) || (code != 0) != test.fails {
				t.Errorf("exit %d\n%s%s", code, out, errOut)
			}
			if left, _ := os.ReadDir(b.dir); len(left) != 1 {
				t.Errorf("check left %v", left)
			}
		})
	}
}

func TestCheckTellsThatAResolverFilters(t *testing.T) {
	t.Parallel()
	const control = "example.com. 60 IN A 192.0.2.1\n"
	open := control + "isitblocked.org. 60 IN A 192.0.2.2\nmalware.testcategory.com. 60 IN A 192.0.2.3\ninternetbadguys.com. 60 IN A 192.0.2.4\n"
	for _, test := range []struct{ name, zone, want string }{
		{"all names", open, "ok    resolver                           does not filter names"},
		{"a name that does not exist", strings.Replace(open, "isitblocked.org.", "other.test.", 1), "isitblocked.org is hidden"},
		{"no address", strings.Replace(open, "192.0.2.3", "0.0.0.0", 1), "malware.testcategory.com is hidden"},
		{"an address within the network", strings.Replace(open, "192.0.2.4", "10.0.0.9", 1), "internetbadguys.com is hidden"},
		{"no way to the Internet", "fail example.com.", "does not find example.com"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if out := besideZone(t, test.zone).must("check"); !strings.Contains(out, test.want) {
				t.Errorf("got\n%s", out)
			}
		})
	}
}

// besideZone returns the configuration of a gateway whose resolver knows a zone.
func besideZone(t *testing.T, text string) *bundle {
	t.Helper()
	b := &bundle{t: t, dir: t.TempDir()}
	b.maildir = filepath.Join(b.dir, "maildir")
	zone := mailtest.StartZone(t, text)
	with := strings.Replace(b.yaml("127.0.0.1:0", ""), "dns: {off: true}", `dns: {servers: ["`+zone.Addr+`"]}`, 1)
	b.config = write(t, filepath.Join(b.dir, "o.yaml"), with)
	return b
}
