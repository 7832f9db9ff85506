package signal

import (
	"bytes"
	"strings"

	"outrider/internal/attachment"
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// encryptedArchive finds encrypted archives, which no scanner can open, in mail that
// contains the password: senders who want secrecy send it by another channel. An encrypted
// archive without its password in the text counts little.
func encryptedArchive() Signal {
	return Signal{
		ID: "encrypted-archive", Name: "Locked archive with its password", Class: verdict.ClassMalware, Weight: 8, Since: "0.1",
		Why: "The archive %s is locked, so that what is in it could not be checked.",
		Find: func(e *evidence.Evidence) []Match {
			for _, f := range e.Files() {
				if !isLocked(f) {
					continue
				}
				times := 0.3
				if givesPassword(e) {
					times = 1
				}
				return one(Match{Portion: verdict.PortionAttachment, Field: f.Part.Path, Value: f.Label(), Args: []any{f.Label()}, Times: times})
			}
			return nil
		},
	}
}

// isLocked reports whether a file is an encrypted archive.
func isLocked(f *evidence.File) bool {
	if f.Report != nil {
		return f.Archive != nil && f.Archive.Encrypted > 0 || f.HasHarm(attachment.HarmLocked) || f.Encrypted && attachment.Opens(f.Format)
	}
	// It was not opened: its header shows whether it is encrypted.
	switch f.Format {
	case "rar":
		data := f.Part.Decoded()
		// RAR 5: a header of type 4 directly after the signature encrypts the rest; RAR 4: flag 0x80 of the main header.
		if bytes.HasPrefix(data, []byte("Rar!\x1a\x07\x01\x00")) {
			return len(data) > 14 && (data[12] == 4 || data[13] == 4)
		}
		return len(data) > 11 && data[10]&0x80 != 0
	case "7z":
		// The coder id of AES-256 is in the header at the end.
		data := f.Part.Decoded()
		return bytes.Contains(data[max(0, len(data)-4096):], []byte{0x06, 0xf1, 0x07, 0x01})
	}
	return false
}

// givesPassword reports whether the text contains the password: the word, followed by a
// colon, an equals sign or "is".
func givesPassword(e *evidence.Evidence) bool {
	text := observable.Fold(e.Current() + " " + e.Subject())
	for _, word := range phrases(e, topicSecret) {
		word = observable.Fold(strings.TrimSpace(word))
		for from := 0; ; {
			i := strings.Index(text[from:], word)
			if i < 0 {
				break
			}
			from += i + len(word)
			rest := strings.TrimLeft(text[from:min(len(text), from+24)], " \u00a0*\t\r\n")
			if strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, "=") || strings.HasPrefix(rest, "is ") || strings.HasPrefix(rest, "- ") {
				return true
			}
			if strings.HasSuffix(word, " is") && rest != "" {
				return true
			}
		}
	}
	return false
}
