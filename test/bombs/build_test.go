package bombs

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"
)

// nestedMultiparts puts a multipart into a multipart, and so on.
func nestedMultiparts(levels int) func() []byte {
	return func() []byte {
		var b strings.Builder
		b.WriteString(head)
		for k := range levels {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=\"b%[1]d\"\r\n\r\n--b%[1]d\r\n", k)
		}
		return []byte(b.String() + "\r\ntext\r\n")
	}
}

// der writes a value with its tag and length. ITU-T X.690, Section 8.1.
func der(tag byte, value ...string) string {
	v := strings.Join(value, "")
	n := len(v)
	return string([]byte{tag, 0x84, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + v
}

// nestedSigned wraps a message in signed data, and that in the next, in base64 each time.
func nestedSigned(levels int) func() string {
	const signedData, data = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
	return func() string {
		inner := "Content-Type: text/plain\r\n\r\ntext\r\n"
		for range levels {
			content := der(0x30, data, der(0xa0, der(0x04, inner)))
			wrapped := der(0x30, signedData, der(0xa0, der(0x30, "\x02\x01\x01", der(0x31), content, der(0x31))))
			inner = "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\nContent-Transfer-Encoding: binary\r\n\r\n" + wrapped
		}
		_, wrapped, _ := strings.Cut(inner, "\r\n\r\n")
		return base64.StdEncoding.EncodeToString([]byte(wrapped))
	}
}

// attached makes a message of one file.
func attached(name string, data func() []byte) func() []byte {
	return body("Content-Type: application/octet-stream; name="+name+"\r\nContent-Transfer-Encoding: base64", func() string {
		text, b := base64.StdEncoding.EncodeToString(data()), strings.Builder{}
		for len(text) > 0 {
			n := min(76, len(text))
			b.WriteString(text[:n] + "\r\n")
			text = text[n:]
		}
		return b.String()
	})
}

func gz(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// nestedZips puts a zip into a zip, and so on.
func nestedZips(levels int) []byte {
	data := []byte("end")
	for range levels {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		f, _ := w.Create("z.zip")
		_, _ = f.Write(data)
		_ = w.Close()
		data = b.Bytes()
	}
	return data
}
