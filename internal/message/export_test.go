package message

// Work returns how many bytes the scans of the message looked at.
func Work(m *Message) int { return m.work }

// The inner decoders, for their properties.
var (
	DecodeText    = decodeText
	DecodeUTF7    = decodeUTF7
	DecodeCharset = decodeCharset
	CheckQP       = checkQP
)

// DecodeBase64 decodes as clients do that go on (or stop, where cautious).
func DecodeBase64(src []byte, cautious bool) (out []byte, differs, clean bool) {
	out, flaws := decodeBase64(src, cautious)
	return out, flaws.differs(), flaws == base64Flaws{}
}

// CheckBase64 is the check without decoding.
func CheckBase64(src []byte) (differs, clean bool) {
	flaws := checkBase64(src)
	return flaws.differs(), flaws == base64Flaws{}
}

// DecodeQP, DecodeUU and DecodeYEnc undo one encoding.
var (
	DecodeQP   = decodeQP
	DecodeUU   = decodeUU
	DecodeYEnc = decodeYEnc
)

// InMemory reports whether the body is not in a file.
func (b *Body) InMemory() bool { return b.file == nil }
