package observable_test

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"outrider/internal/observable"
)

func TestPayments(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Please pay to IBAN DE89 3704 0044 0532 0130 00, BIC: COBADEFFXXX.": "iban DE89370400440532013000 DE, bic COBADEFFXXX DE",
		"iban gb82west12345698765432 end":                                   "iban GB82WEST12345698765432 GB",
		"DE88 3704 0044 0532 0130 00 has wrong check digits":                "",
		"NO93 8601 1117 947 and more words":                                 "iban NO9386011117947 NO",
		"Routing number: 021000021, account number 1234567890":              "aba 021000021 US, account 1234567890",
		"Routing number: 021000022":                                         "",
		"the number 021000021 alone is nothing":                             "",
		"Sort code 20-00-00 Account no. 55779911":                           "sort-code 200000 GB, account 55779911",
		"card 4111 1111 1111 1111 exp 12/29":                                "card 4111111111111111",
		"card 4111 1111 1111 1112":                                          "",
		"send to 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 now":                    "bitcoin 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
		"send to 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3 now":                    "",
		"(bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4)":                      "bitcoin bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5":                        "",
		"0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe":                        "ethereum 0xde0b295669a9fd93d5f28d9ec85e40f4cb697bae",
		"Invoice no. INV-2026/118 is due; invoice # 4711-A":                 "invoice INV-2026/118, invoice 4711-A",
		"Rechnung Nr. 20261104 vom 3. Mai":                                  "invoice 20261104",
		"swift code: CHASUS33":                                              "bic CHASUS33 US",
		"swift delivery tomorrow":                                           "",
	} {
		var got []string
		for _, p := range observable.Payments(text) {
			got = append(got, strings.TrimSpace(string(p.Kind)+" "+p.Value+" "+p.Country))
		}
		if diff := gocmp.Diff(want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
}

func FuzzPayments(f *testing.F) {
	f.Add("IBAN DE89 3704 0044 0532 0130 00 sort code 20-00-00 bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
	f.Fuzz(func(t *testing.T, text string) {
		if n := len(observable.Payments(text)); n > 100 {
			t.Errorf("%d identities", n)
		}
	})
}
