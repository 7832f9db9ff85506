package message_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jhillyerd/enmime/v2"

	"outrider/internal/mailtest"
	"outrider/internal/message"
)

// leaf is one part without parts, by what it is and what it holds.
type leaf struct {
	kind    string
	content [32]byte
}

// newLeaf compares contents without line ends, and without white space after them: parsers
// assign the last line end to different parts.
func newLeaf(kind string, content []byte) leaf {
	content = bytes.TrimRight(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")), " \t\r\n")
	return leaf{kind, sha256.Sum256(content)}
}

// ours returns the leaves of the first reading.
func ours(m *message.Message) []leaf {
	var out []leaf
	for _, p := range m.Parts {
		// Signed content is opened here, and is a file for the peers.
		if p.Reading == 1 && (len(p.Children) == 0 || p.Seal() == message.SealSMIMESigned && !p.IsMultipart()) {
			out = append(out, newLeaf(p.MediaType, p.Decoded()))
		}
	}
	return out
}

// std reads leaves as far as the standard library can.
func std(raw []byte) ([]leaf, error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	var out []leaf
	return out, stdPart(m.Header, m.Body, "text/plain", 0, &out)
}

func stdPart(header interface{ Get(key string) string }, body io.Reader, usual string, depth int, out *[]leaf) error {
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case header.Get("Content-Type") == "":
		kind = usual
	case err != nil && kind == "":
		return err
	case depth > 40:
		return errors.New("nested too deep")
	case strings.HasPrefix(kind, "multipart/"):
		return stdParts(multipart.NewReader(body, params["boundary"]), kind, depth, out)
	}
	switch strings.ToLower(strings.TrimSpace(header.Get("Content-Transfer-Encoding"))) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	if kind == "message/rfc822" || kind == "message/global" {
		m, err := mail.ReadMessage(body)
		if err != nil {
			return err
		}
		return stdPart(m.Header, m.Body, "text/plain", depth+1, out)
	}
	content, err := io.ReadAll(body)
	*out = append(*out, newLeaf(kind, content))
	return err
}

func stdParts(r *multipart.Reader, kind string, depth int, out *[]leaf) error {
	usual := "text/plain"
	if kind == "multipart/digest" {
		usual = "message/rfc822"
	}
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stdPart(p.Header, p, usual, depth+1, out); err != nil {
			return err
		}
	}
}

// byEnmime reads leaves as enmime does. It converts texts, so of those only the type
// counts.
func byEnmime(raw []byte) ([]leaf, error) {
	e, err := enmime.ReadEnvelope(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	var out []leaf
	var walk func(p *enmime.Part)
	walk = func(p *enmime.Part) {
		for ; p != nil; p = p.NextSibling {
			// Embedded messages stay closed there, a missing type stays empty, and a multipart
			// without parts is a leaf.
			kind := strings.ToLower(cmp.Or(p.ContentType, "text/plain"))
			if p.FirstChild == nil && !strings.HasPrefix(kind, "message/") && !strings.HasPrefix(kind, "multipart/") {
				out = append(out, withoutText(newLeaf(kind, p.Content)))
			}
			walk(p.FirstChild)
		}
	}
	walk(e.Root)
	return out, nil
}

func withoutText(l leaf) leaf {
	if strings.HasPrefix(l.kind, "text/") {
		l.content = [32]byte{}
	}
	return l
}

// missing returns the leaves of want that got lacks.
func missing(want, got []leaf) []leaf {
	have := map[leaf]int{}
	for _, l := range got {
		have[l]++
	}
	var out []leaf
	for _, l := range want {
		if have[l]--; have[l] < 0 {
			out = append(out, l)
		}
	}
	return out
}

var every = flag.Int("every", 6, "compare every so many messages of the training mail")

// TestPartTreesAgreeWithPeers compares part trees on all available mail. A leaf that only a
// peer finds must be explained by a recorded defect.
func TestPartTreesAgreeWithPeers(t *testing.T) {
	t.Parallel()
	roots := []string{"mail/train", "mail/dev"}
	suites, err := filepath.Glob(filepath.Join(mailtest.Data(t, "conformance"), "mime_*"))
	if err != nil || len(suites) == 0 {
		t.Fatal("no suites", err)
	}
	for _, s := range suites {
		roots = append(roots, "conformance/"+filepath.Base(s))
	}
	classes := map[string]map[string]int{"std": {}, "enmime": {}}
	for _, root := range roots {
		n := 0
		eachFile(t, mailtest.Data(t, root), func(path string, raw []byte) {
			if n++; root == "mail/train" && n%*every != 0 {
				return
			}
			m := message.Parse(raw, nil)
			seen := ours(m)
			theirs, err := std(raw)
			classes["std"][classify(t, "std", path, m, theirs, seen, err)]++
			theirs, err = byEnmime(raw)
			texts := make([]leaf, len(seen))
			for i := range seen {
				texts[i] = withoutText(seen[i])
			}
			classes["enmime"][classify(t, "enmime", path, m, theirs, texts, err)]++
		})
	}
	if n := classes["std"][unexplained] + classes["enmime"][unexplained]; n > 0 {
		t.Errorf("%d differences without a reason", n)
	}
	for _, peer := range slices.Sorted(maps.Keys(classes)) {
		for _, class := range slices.Sorted(maps.Keys(classes[peer])) {
			t.Logf("%-6s %6d %s", peer, classes[peer][class], class)
		}
	}
}

const unexplained = "differs without a reason"

func classify(t *testing.T, peer, path string, m *message.Message, theirs, seen []leaf, err error) string {
	t.Helper()
	lost := missing(theirs, seen)
	switch {
	case err != nil && len(lost) <= 1:
		return "the peer fails; what it read to the end we read as well"
	case len(lost) == 0 && len(theirs) == len(seen):
		return "equal"
	case len(lost) == 0:
		return "we read more"
	}
	for _, p := range m.Parts {
		if strings.HasPrefix(p.Encoding, "x-") {
			return "differs; the peer does not know " + p.Encoding
		}
	}
	for _, d := range m.Defects {
		if structural(d.Kind) {
			return "differs; we recorded " + string(d.Kind)
		}
	}
	t.Logf("%s: %s: %d leaves, %d here; lost %v; error %v; defects %v", peer, path, len(theirs), len(seen), kinds(lost), err, m.Defects)
	return unexplained
}

func kinds(list []leaf) []string {
	var out []string
	for _, l := range list {
		out = append(out, fmt.Sprintf("%s %x", l.kind, l.content[:3]))
	}
	return out
}

// structural reports whether a defect changes what a part is or holds.
func structural(k message.DefectKind) bool {
	switch k {
	case message.DefectBareLF, message.DefectLongLine, message.DefectHeader8Bit, message.DefectHeaderUTF8, message.DefectBadWord,
		message.DefectCharsetMismatch, message.DefectUnknownCharset, message.DefectEightBit, message.DefectNameConflict:
		return false
	default:
		return true
	}
}
