package dkim_test

import (
	"bytes"
	"crypto"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	peer "github.com/emersion/go-msgauth/dkim"

	"outrider/internal/budget"
	"outrider/internal/mailauth/dkim"
	"outrider/internal/mailtest"
)

// sample returns every nth message of the corpora with CRLF line ends.
func sample(tb testing.TB, n int) map[string][]byte {
	tb.Helper()
	out := map[string][]byte{}
	i := 0
	for _, part := range []string{"mail/train", "mail/dev"} {
		err := filepath.WalkDir(mailtest.Data(tb, part)+string(filepath.Separator), func(path string, d fs.DirEntry, err error) error {
			if i++; err != nil || d.IsDir() || i%n != 0 {
				return err
			}
			raw, err := os.ReadFile(path)
			if err == nil && len(raw) < 200_000 {
				out[path] = crlfs(raw)
			}
			return nil // a link may lead nowhere
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	return out
}

func peerLookup(name string) ([]string, error) { return testZone()[name], nil }

// classify names the reason of a difference between the peer and us, or "".
func classify(raw []byte) string {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	for line := range bytes.Lines(head) {
		if line[0] != ' ' && line[0] != '\t' && !bytes.Contains(line, []byte(":")) {
			return "a line of the header section is no field"
		}
		if name, _, _ := bytes.Cut(line, []byte(":")); line[0] != ' ' && line[0] != '\t' && bytes.ContainsAny(name, " \t") {
			return "white space in a field name"
		}
		if bytes.ContainsAny(bytes.TrimSuffix(line, []byte("\r\n")), "\r") {
			return "a bare CR in the header section"
		}
	}
	if bytes.ContainsRune(bytes.ReplaceAll(raw, []byte("\r\n"), nil), '\r') {
		return "a bare CR in the body"
	}
	if !bytes.Contains(bytes.ToLower(append([]byte("\r\n"), head...)), []byte("\r\nfrom:")) {
		return "no From field"
	}
	return ""
}

// TestPeerAgrees signs real mail with our signer for the peer and the other way round.
func TestPeerAgrees(t *testing.T) {
	t.Parallel()
	agreed, reasons := 0, map[string]int{}
	i := 0
	for path, raw := range sample(t, 15) {
		i++
		canon := []dkim.Canon{dkim.Simple, dkim.Relaxed}
		header, body := canon[i%2], canon[i/2%2]
		for direction, err := range map[string]error{"ours": peerReads(raw, header, body), "theirs": weRead(t, raw, header, body)} {
			reason := classify(raw)
			switch {
			case err == nil:
				agreed++
			case reason != "":
				reasons[direction+": "+reason]++
			default:
				t.Errorf("%s, signature of %s, %s/%s: %v", path, direction, header, body, err)
			}
		}
	}
	t.Logf("%d signatures agreed; differences: %v", agreed, reasons)
	if agreed < 100 {
		t.Errorf("only %d signatures were compared", agreed)
	}
}

// peerReads has the peer verify a signature of ours.
func peerReads(raw []byte, header, body dkim.Canon) error {
	s := dkim.Signer{Domain: "example.org", Selector: "e", Key: keys().ed, Header: header, Body: body}
	field, err := s.Sign(raw)
	if err != nil {
		return err
	}
	signed := append([]byte(field), raw...)
	vs, err := peer.VerifyWithOptions(bytes.NewReader(signed), &peer.VerifyOptions{LookupTXT: peerLookup, MaxVerifications: 1})
	if len(vs) == 0 {
		return fmt.Errorf("the peer saw no signature: %w", err)
	}
	return vs[0].Err
}

// weRead verifies a signature of the peer.
func weRead(t *testing.T, raw []byte, header, body dkim.Canon) error {
	t.Helper()
	var out bytes.Buffer
	err := peer.Sign(&out, bytes.NewReader(raw), &peer.SignOptions{
		Domain: "example.org", Selector: "e", Signer: crypto.Signer(keys().ed), Hash: crypto.SHA256,
		HeaderCanonicalization: peer.Canonicalization(header), BodyCanonicalization: peer.Canonicalization(body),
		HeaderKeys: []string{"From", "To", "Subject", "Date", "Subject", "Received", "Content-Type"},
	})
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	v := dkim.Verifier{Resolver: testZone(), Now: time.Now}
	s := v.Verify(t.Context(), out.Bytes(), budget.New(budget.Default())).Signatures
	if len(s) == 0 || s[0].Result != dkim.Pass {
		return fmt.Errorf("got %+v", s)
	}
	return nil
}

func BenchmarkVerify(b *testing.B) {
	for name, size := range map[string]int{"10KB": 10 << 10, "1MB": 1 << 20} {
		line := "It was the best of times,  it was the worst of times, it was the age.\r\n"
		raw := []byte(sign(b, dkim.Signer{}, letter+strings.Repeat(line, size/len(line))))
		b.Run("outrider/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			v := dkim.Verifier{Resolver: testZone()}
			for b.Loop() {
				if s := v.Verify(b.Context(), raw, budget.New(budget.Default())); s.Signatures[0].Result != dkim.Pass {
					b.Fatal(s)
				}
			}
		})
		b.Run("go-msgauth/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			zone := testZone()
			options := peer.VerifyOptions{LookupTXT: func(name string) ([]string, error) { return zone[name], nil }}
			for b.Loop() {
				if vs, err := peer.VerifyWithOptions(bytes.NewReader(raw), &options); err != nil || vs[0].Err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
