package observable_test

import (
	"encoding/json"
	"os"
	"testing"

	"outrider/internal/mailtest"
	"outrider/internal/observable"
)

// TestConfusables compares skeletons with the published pairs of characters that look
// like a letter or digit of ASCII.
func TestConfusables(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(mailtest.Data(t, "conformance/confusables/confusable_homoglyphs/confusables.json"))
	if err != nil {
		t.Fatal(err)
	}
	var pairs map[string][]struct {
		C string `json:"c"`
	}
	if err := json.Unmarshal(raw, &pairs); err != nil {
		t.Fatal(err)
	}
	same, differ := 0, []string{}
	for char, likes := range pairs {
		if char[0] < 0x80 {
			continue
		}
		for _, like := range likes {
			if len(like.C) != 1 || !isAlphanumeric(like.C[0]) {
				continue
			}
			if observable.Skeleton(char) == observable.Skeleton(like.C) {
				same++
			} else {
				differ = append(differ, char+like.C)
			}
			break
		}
	}
	t.Logf("%d pairs have one skeleton, %d do not: %q", same, len(differ), differ)
	// Letters whose upper and lower case look like different letters follow the lower
	// case here, since domains have no other.
	if len(differ) > 90 || same < 1250 {
		t.Errorf("%d agree, %d differ", same, len(differ))
	}
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}
