package message_test

import (
	"bytes"
	"compress/zlib"
	"encoding/asn1"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"outrider/internal/budget"
	"outrider/internal/message"
)

func TestSeals(t *testing.T) {
	t.Parallel()
	text := func(body string) string { return "Content-Type: text/plain\r\n\r\n" + body }
	tests := []struct {
		name, raw string
		want      []message.Seal
	}{
		{"nothing", text("hello"), nil},
		{"signed multipart", "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b--\r\n", []message.Seal{message.SealSMIMESigned}},
		{"signed by pgp", "Content-Type: multipart/signed; protocol=\"application/PGP-signature\"; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b--\r\n", []message.Seal{message.SealPGPSigned}},
		{"encrypted by pgp", "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b--\r\n", []message.Seal{message.SealPGPEncrypted}},
		{"armor in the text", text("look:\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQ==\r\n"), []message.Seal{message.SealPGPEncrypted}},
		{"signed text", text("-----BEGIN PGP SIGNED MESSAGE-----\r\n"), []message.Seal{message.SealPGPSigned}},
		{"talk of armor", text("it says -----BEGIN PGP MESSAGE----- there"), nil},
		{"quoted armor", text("> -----BEGIN PGP MESSAGE-----\r\n"), nil},
		{"no CMS object", "Content-Type: application/pkcs7-mime\r\n\r\nhello", nil},
		{"certificates alone", "Content-Type: application/pkcs7-mime; smime-type=certs-only\r\nContent-Transfer-Encoding: binary\r\n\r\n" + string(cms(t, oidSignedData, nil)), nil},
		{"by its name", "Content-Type: application/octet-stream; name=SMIME.P7M\r\nContent-Transfer-Encoding: binary\r\n\r\n" + string(cms(t, oidSignedData, []byte("\r\nhi"))), []message.Seal{message.SealSMIMESigned}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := message.Parse([]byte(test.raw), nil).Seals(); !slices.Equal(got, test.want) {
				t.Errorf("seals %q, want %q", got, test.want)
			}
		})
	}
}

var (
	oidSignedData     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidCompressedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 9}
	oidData           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
)

// cms encodes the outer structure of a CMS object around content, or without any.
func cms(tb testing.TB, kind asn1.ObjectIdentifier, content []byte) []byte {
	tb.Helper()
	type encapsulated struct {
		Kind    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"optional"`
	}
	enc := encapsulated{Kind: oidData}
	if content != nil {
		octets, err := asn1.Marshal(content)
		if err != nil {
			tb.Fatal(err)
		}
		enc.Content = asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: octets}
	}
	var inner any
	if kind.Equal(oidCompressedData) {
		inner = struct {
			Version   int
			Algorithm struct{ OID asn1.ObjectIdentifier }
			Content   encapsulated
		}{Algorithm: struct{ OID asn1.ObjectIdentifier }{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 3, 8}}, Content: enc}
	} else {
		inner = struct {
			Version    int
			Algorithms []asn1.RawValue `asn1:"set"`
			Content    encapsulated
		}{Version: 1, Content: enc}
	}
	body, err := asn1.Marshal(inner)
	if err != nil {
		tb.Fatal(err)
	}
	out, err := asn1.Marshal(struct {
		Kind    asn1.ObjectIdentifier
		Content asn1.RawValue
	}{kind, asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: body}})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func sealedMessage(der []byte) []byte {
	return append([]byte("From: a@b.example\r\nContent-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: binary\r\n\r\n"), der...)
}

func TestCompressedObjectIsRead(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	if _, err := w.Write([]byte("Content-Type: text/plain\r\n\r\nshort")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	m := message.Parse(sealedMessage(cms(t, oidCompressedData, packed.Bytes())), nil)
	if texts := m.TextParts(); len(texts) != 1 || texts[0].Text() != "short" {
		t.Errorf("%d texts", len(texts))
	}
	if got := m.Seals(); !slices.Equal(got, []message.Seal{message.SealSMIMECompressed}) {
		t.Errorf("seals %q", got)
	}
}

func TestInflatedObjectKeepsToTheBudget(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	for range 100 {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	limits := budget.Default()
	limits.Of[budget.DecodedBytes] = 8 << 20
	b := budget.New(limits)
	message.Parse(sealedMessage(cms(t, oidCompressedData, packed.Bytes())), b)
	if !slices.Contains(b.Exceeded(), budget.DecodedBytes) {
		t.Errorf("exceeded %v, want decoded bytes", b.Exceeded())
	}
}

func TestNestedObjectsEnd(t *testing.T) {
	t.Parallel()
	raw := []byte("Content-Type: text/plain\r\n\r\ninnermost")
	for range 40 {
		raw = sealedMessage(cms(t, oidSignedData, raw))
	}
	b := budget.New(budget.Default())
	m := message.Parse(raw, b)
	checkMessage(t, raw, m)
	checkWork(t, raw, m, b)
	if !slices.ContainsFunc(m.Defects, func(d message.Defect) bool { return d.Kind == message.DefectTooDeep }) {
		t.Error("nobody says that the inside was not read")
	}
}

// TestSealedTextKeepsItsBytes requests a banner on signed text.
func TestSealedTextKeepsItsBytes(t *testing.T) {
	t.Parallel()
	raw := sealedMessage(cms(t, oidSignedData, []byte("Content-Type: text/plain\r\n\r\nhello")))
	out, err := message.Parse(raw, nil).Render(message.NewBody(raw), message.Edit{Banner: &message.Banner{Text: "careful", HTML: "<p>careful</p>"}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(out.Skipped, message.SkippedSigned) {
		t.Errorf("skipped %q", out.Skipped)
	}
}

// FuzzSealed reads CMS objects, whole and broken, as the body of a message.
func FuzzSealed(f *testing.F) {
	for _, name := range []string{"smime-signed", "smime-signed-open", "smime-encrypted"} {
		archive, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
		if err != nil {
			f.Fatal(err)
		}
		_, body, _ := strings.Cut(string(archive.Files[0].Data), "\n\n")
		der, _, _ := message.DecodeBase64([]byte(body), false)
		f.Add(der)
	}
	f.Add(cms(f, oidCompressedData, []byte{0x78, 0x9c, 3, 0, 0, 0, 0, 1}))
	f.Add([]byte{0x30, 0x80, 6, 1, 0, 0xa0, 0x80, 0x30, 0x80, 0x24, 0x80, 0x24, 0x80})
	f.Fuzz(func(t *testing.T, der []byte) {
		raw := sealedMessage(der)
		b := budget.New(budget.Default())
		m := message.Parse(raw, b)
		checkMessage(t, raw, m)
		m.Seals()
	})
}
