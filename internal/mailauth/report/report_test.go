package report_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/budget"
	"outrider/internal/mailauth/report"
	"outrider/internal/mailtest"
	"outrider/internal/message"
)

const small = `<?xml version="1.0"?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0"><version>1.0</version>
<report_metadata><org_name>There</org_name><email>d@there.example</email><report_id>7</report_id>
<date_range><begin>1700000000</begin><end>1700086399</end></date_range></report_metadata>
<policy_published><domain>example.org</domain><p>reject</p><np>reject</np><discovery_method>treewalk</discovery_method></policy_published>
<record><row><source_ip>192.0.2.1</source_ip><count>3</count>
<policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf><reason><type>local_policy</type><comment>list</comment></reason></policy_evaluated></row>
<identifiers><header_from>example.org</header_from></identifiers>
<auth_results><dkim><domain>example.org</domain><selector>s</selector><result>pass</result></dkim><spf><domain>list.example</domain><result>pass</result></spf></auth_results></record>
</feedback>`

func TestAggregate(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(small))
	_ = z.Close()
	for name, data := range map[string][]byte{"plain": []byte(small), "gzip": packed.Bytes()} {
		a, err := report.ParseAggregate(data, report.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r := a.Records[0]
		if a.Org != "There" || a.Begin.Unix() != 1700000000 || a.Policy.NP != "reject" || a.Policy.Discovery != "treewalk" ||
			r.Count != 3 || r.Source.String() != "192.0.2.1" || r.Reasons[0].Comment != "list" || len(r.Results) != 2 || r.Results[1].Domain != "list.example" {
			t.Errorf("%s: got %+v", name, a)
		}
	}
}

func TestHostileReports(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(bytes.Repeat([]byte(" "), 1<<20))
	_ = z.Close()
	limits := report.Limits{Bytes: 1 << 19, Records: 2}
	for name, tc := range map[string]struct {
		data string
		want error
	}{
		"an entity bomb":      {`<!DOCTYPE x [<!ENTITY a "b">]><feedback>&a;</feedback>`, report.ErrSyntax},
		"an external entity":  {`<!DOCTYPE x SYSTEM "file:///etc/passwd"><feedback/>`, report.ErrSyntax},
		"an unknown entity":   {`<feedback><version>&a;</version></feedback>`, report.ErrSyntax},
		"a deep tree":         {"<feedback>" + strings.Repeat("<a>", 1000), report.ErrSyntax},
		"a gzip bomb":         {bomb.String(), report.ErrTooLarge},
		"too many records":    {"<feedback><record/><record/><record/></feedback>", report.ErrTooLarge},
		"crossed elements":    {"<feedback><record></feedback></record>", report.ErrSyntax},
		"cut short":           {small[:700], report.ErrSyntax},
		"another document":    {"<html></html>", report.ErrSyntax},
		"an unusual encoding": {`<?xml version="1.0" encoding="utf-7"?><feedback/>`, report.ErrSyntax},
		"an empty archive":    {"PK\x03\x04", report.ErrSyntax},
		"nothing":             {"", report.ErrSyntax},
	} {
		if _, err := report.ParseAggregate([]byte(tc.data), limits); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
	}
}

// attachments returns the contents that may be a report: the file, or the parts of a mail.
func attachments(path string, raw []byte) [][]byte {
	if filepath.Ext(path) != ".eml" {
		return [][]byte{raw}
	}
	var out [][]byte
	m := message.Parse(raw, budget.New(budget.Default()))
	for _, p := range m.Parts {
		out = append(out, p.Decoded())
	}
	return out
}

// refused are files of the suites that we do not read, with the reason.
var refused = map[string]string{
	"invalid_xml.xml":   "not well-formed",
	"invalid_utf_8.xml": "not UTF-8",
	"ikea.com!example.de!1538690400!1538776800.xml":                                                   "the report is wrapped in the schema's element",
	"Report_Domain_ngyn.org_Submitter_amazon.com_Report-ID_aggr_report_ngyn.org_20210607-ignored.eml": "the attachment is a picture",
	"Report_Domain_ngyn.org_Submitter_yahoo.com_Report-ID_1436111091.916236-ignored.eml":              "the report names no domain",
}

func TestSuites(t *testing.T) {
	t.Parallel()
	passed := 0
	for _, suite := range []string{
		"dmarc_tls_reports_mox/testdata/dmarc-reports", "dmarc_tls_reports_mox/testdata/tlsreports", "dmarc_reports_parsedmarc/samples/aggregate",
		"dmarc_reports_parsedmarc/samples/aggregate_invalid", "dmarc_reports_parsedmarc/samples/smtp_tls",
		"dmarc_reports_modoboa/modoboa/dmarc/tests/reports", "dkim_arc_mailauth_rs/resources/dmarc-feedback", "dkim_arc_mailauth_rs/resources/tlsrpt",
	} {
		dir := mailtest.Data(t, "conformance/"+suite)
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasSuffix(suite, "dmarc-feedback") && filepath.Ext(e.Name()) == ".json" {
				continue // what that suite expects of its own parser
			}
			raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if readable(e.Name(), raw) {
				passed++
			} else if reason, known := refused[e.Name()]; known {
				t.Logf("refused %s: %s", e.Name(), reason)
			} else {
				t.Errorf("%s/%s is not read", suite, e.Name())
			}
		}
	}
	t.Logf("%d reports read", passed)
	if passed < 45 {
		t.Errorf("only %d reports were read", passed)
	}
}

func readable(name string, raw []byte) bool {
	for _, data := range attachments(name, raw) {
		if a, err := report.ParseAggregate(data, report.Limits{}); err == nil && a.Policy.Domain != "" {
			return true
		}
		if r, err := report.ParseTLS(data, report.Limits{}); err == nil && len(r.Policies) > 0 {
			return true
		}
	}
	return false
}

func FuzzAggregate(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("<feedback><record><auth_results><spf><domain>x</domain></spf></auth_results></record></feedback>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := report.ParseAggregate(data, report.Limits{Bytes: 1 << 16, Records: 10})
		if err == nil && len(a.Records) > 10 {
			t.Errorf("%d records", len(a.Records))
		}
	})
}

func FuzzTLS(f *testing.F) {
	f.Add([]byte(`{"organization-name":"a","report-id":"b","policies":[{"policy":{"policy-type":"sts","mx-host":"x"},"failure-details":[{}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := report.ParseTLS(data, report.Limits{Bytes: 1 << 16, Records: 10}); err == nil && len(r.Policies) > 10 {
			t.Errorf("%d policies", len(r.Policies))
		}
	})
}
