package message_test

import (
	"testing"
	"unicode/utf8"

	"outrider/internal/message"
)

func TestRareCharsets(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ charset, bytes, want string }{
		{"iso-2022-kr", "\x1b\x24\x29\x43\x0e\x30\x68\x41\x24\x0f\x20\x0e\x48\x2e\x40\x4e\x0f\x20\x6e\x6f\x77", "계정 확인 now"},
		{"iso-2022-jp", "\x1b\x24\x42\x38\x7d\x3a\x42\x24\x72\x33\x4e\x47\x27\x1b\x28\x42\x20\x6e\x6f\x77", "口座を確認 now"},
		{"iso-2022-jp-1", "\x1b\x24\x42\x38\x7d\x3a\x42\x24\x72\x33\x4e\x47\x27\x1b\x28\x42\x20\x1b\x24\x28\x44\x30\x21\x1b\x28\x42\x20\x6e\x6f\x77", "口座を確認 丂 now"},
		{"iso-2022-jp-2", "\x1b\x24\x42\x38\x7d\x3a\x42\x1b\x28\x42\x20\x1b\x24\x28\x43\x30\x68\x41\x24\x1b\x28\x42\x20\x1b\x24\x28\x41\x55\x4b\x3b\x27\x1b\x28\x42\x20\x1b\x24\x28\x44\x2b\x31\x1b\x28\x42\x20\x6e\x6f\x77", "口座 계정 账户 é now"},
		{"cp50220", "\x1b\x24\x42\x38\x7d\x3a\x42\x1b\x28\x42\x20\x1b\x28\x49\x31\x36\x33\x5d\x44\x1b\x28\x42", "口座 ｱｶｳﾝﾄ"},
		{"uhc", "\xb0\xe8\xc1\xa4\x20\x8c\x63", "계정 똠"},
		{"johab", "\x89\x81\xb8\xf7\x20\xd1\xc2\xb7\xa5\x20\x99\xb1\x20\x88\x41\x20\x84\x61\x20\x84\x44\x20\xf7\xdb\x20\xdc\xe7\x20\x6e\x6f\x77", "계정 확인 똠 ㄱ ㅏ ㄳ 韓 ① now"},
		{"cp1361", "\xf7\xd3\xf1\xae", "漢字"},
		{"cp858", "\x4b\x6f\x6e\x74\x6f\x20\xd5", "Konto €"},
		{"x-mac-ce", "\xf2\x8b\x65\x74\x20\x6f\x76\x9e\xde\x74\x65\x20\xe3\x7a\x64\x65\xd2", "Účet ověřte „zde“"},
		{"iso-2022-cn", "\x1b\x24\x29\x41\x0e\x55\x4b\x3b\x27\x0f", "账户"},
	} {
		got, known := message.DecodeCharset([]byte(tc.bytes), tc.charset)
		if got != tc.want || !known {
			t.Errorf("%s: got %q, known %v, want %q", tc.charset, got, known, tc.want)
		}
	}
}

// TestBrokenRareCharsets holds that what is broken is marked, and hides nothing after it.
func TestBrokenRareCharsets(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ charset, bytes, want string }{
		{"iso-2022-jp", "\x1b$B8}\x1b(B pay\x1b pay", "\u53e3 pay\ufffd pay"},
		{"iso-2022-jp", "\x1b$B8\npay", "8\n\u979cy"},
		{"iso-2022-kr", "\x0e\xffpay", ""},
		{"johab", "\x80pay\xdf", "\ufffdpay\ufffd"},
	} {
		got, known := message.DecodeCharset([]byte(tc.bytes), tc.charset)
		if known || !utf8.ValidString(got) || tc.want != "" && got != tc.want {
			t.Errorf("%s: got %q, known %v", tc.charset, got, known)
		}
	}
}
