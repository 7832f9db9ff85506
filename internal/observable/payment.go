package observable

import (
	"crypto/sha256"
	"math/big"
	"regexp"
	"strings"
)

// PaymentKind is the kind of a payment identity.
type PaymentKind string

// The kinds of payment identities.
const (
	PaymentIBAN     PaymentKind = "iban"      // ISO 13616, verified by its check digits
	PaymentBIC      PaymentKind = "bic"       // ISO 9362, if the text labels it
	PaymentABA      PaymentKind = "aba"       // routing number of a bank in the United States, verified
	PaymentSortCode PaymentKind = "sort-code" // of a bank in the United Kingdom, if the text labels it
	PaymentAccount  PaymentKind = "account"   // account number, if the text labels it
	PaymentCard     PaymentKind = "card"      // card number, verified (ISO/IEC 7812)
	PaymentBitcoin  PaymentKind = "bitcoin"   // address, verified
	PaymentEthereum PaymentKind = "ethereum"  // address, by its form
	PaymentCrypto   PaymentKind = "crypto"    // address of another currency, verified
	PaymentInvoice  PaymentKind = "invoice"   // number of an invoice or order, if the text labels it
)

// Payment identifies an account for payments.
type Payment struct {
	Kind    PaymentKind
	Value   string // normal form: without spaces, upper case if case is insignificant
	Country string // two letters if the identity contains a country, or ""
}

const (
	maxPayments    = 100       // per text; an invoice has five
	maxPaymentText = 256 << 10 // bytes that are examined
)

// Payments returns the distinct payment identities in text. Numbers without check digits
// count only after a word that labels them.
func Payments(text string) []Payment {
	f := payments{seen: map[Payment]bool{}}
	text = text[:min(len(text), maxPaymentText)]
	if !strings.ContainsAny(text, "0123456789") && !strings.Contains(strings.ToLower(text), "bic") && !strings.Contains(strings.ToLower(text), "swift") {
		return nil
	}
	for token := range strings.FieldsFuncSeq(text, isPaymentBreak) {
		f.token(strings.Trim(token, ".,:;'\"-"))
	}
	f.spaced(text)
	f.named(text)
	return f.out
}

func isPaymentBreak(r rune) bool {
	switch r {
	case ' ', '\t', '\r', '\n', '<', '>', '(', ')', '[', ']', '{', '}', '|', '=', '?', '&', '/', '"', 0xa0, 0x202f:
		return true
	}
	return false
}

type payments struct {
	out  []Payment
	seen map[Payment]bool
}

func (f *payments) add(kind PaymentKind, value, country string) {
	p := Payment{kind, value, country}
	if !f.seen[p] && len(f.out) < maxPayments {
		f.seen[p] = true
		f.out = append(f.out, p)
	}
}

// token examines one word.
func (f *payments) token(s string) {
	switch n := len(s); {
	case n == 42 && strings.HasPrefix(s, "0x") && isHex(s[2:]):
		f.add(PaymentEthereum, strings.ToLower(s), "")
	case n >= 42 && n <= 62 && isBech32(s):
		f.add(PaymentBitcoin, strings.ToLower(s), "")
	case n >= 26 && n <= 35:
		if version, ok := base58Check(s); ok {
			f.add(cryptoKind(version), s, "")
		}
	}
}

func cryptoKind(version byte) PaymentKind {
	if version == 0 || version == 5 { // P2PKH and P2SH of Bitcoin
		return PaymentBitcoin
	}
	return PaymentCrypto
}

// Expressions for numbers in groups, with the places where one may begin.
var (
	ibanLike = regexp.MustCompile(`^(?i)[A-Z]{2}[0-9]{2}(?:[ \x{a0}-]?[A-Z0-9]{1,4}){3,8}\b`)
	cardLike = regexp.MustCompile(`^[2-6][0-9]{3}(?:[ -]?[0-9]{2,7}){2,4}\b`)
)

// spaced finds numbers written in groups.
func (f *payments) spaced(text string) {
	for _, m := range matchesAt(ibanLike, text, places(text, beginsIBAN)) {
		if iban := IBAN(m[0]); iban != "" {
			f.add(PaymentIBAN, iban, iban[:2])
		}
	}
	for _, m := range matchesAt(cardLike, text, places(text, beginsCard)) {
		if n := digitsOf(m[0]); len(n) >= 13 && len(n) <= 19 && luhn(n) && isIssued(n) {
			f.add(PaymentCard, n, "")
		}
	}
}

func beginsIBAN(s string) bool {
	return len(s) > 4 && isLetter(s[0]) && isLetter(s[1]) && isDigit(s[2]) && isDigit(s[3])
}

func beginsCard(s string) bool {
	return len(s) > 4 && s[0] >= '2' && s[0] <= '6' && isDigit(s[1]) && isDigit(s[2]) && isDigit(s[3])
}

// places returns the offsets of words for which begins is true.
func places(text string, begins func(string) bool) []int {
	var at []int
	word := false
	for i := range len(text) {
		before := word
		if word = isLetter(text[i]) || isDigit(text[i]) || text[i] == '_'; word && !before && begins(text[i:]) {
			at = append(at, i)
		}
	}
	return at
}

// maxPayment is the length in bytes of one identity with surrounding words.
const maxPayment = 160

// matchesAt returns the matches of an expression at the places, without nested ones. This
// costs far less than running the expression over the whole text.
func matchesAt(re *regexp.Regexp, text string, at []int) [][]string {
	var out [][]string
	end := 0
	for _, i := range at {
		if i < end || len(out) == maxPayments {
			continue
		}
		if m := re.FindStringSubmatch(text[i:min(len(text), i+maxPayment)]); m != nil {
			out = append(out, m)
			end = i + len(m[0])
		}
	}
	return out
}

// ibanLengths are the lengths of the numbers of each country, from the registry of ISO
// 13616.
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28,
	"CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
	"FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
	"IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
	"LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28,
	"NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
	"SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26,
	"UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}

// IBAN returns the normal form of an International Bank Account Number at the start of s,
// or "" if its length or check digits are wrong. ISO 13616, Section 6.
func IBAN(s string) string {
	s = strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(s))
	if len(s) < 4 {
		return ""
	}
	n := ibanLengths[s[:2]]
	if n == 0 || len(s) < n {
		return ""
	}
	s = s[:n] // text after a number in groups looks like another group
	rest := 0
	for _, c := range []byte(s[4:] + s[:4]) {
		switch {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return ""
		}
	}
	if rest != 1 {
		return ""
	}
	return s
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// luhn reports whether the last digit checks the others. ISO/IEC 7812-1, Annex B.
func luhn(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// isIssued reports whether a card network uses the first digits and the digits differ.
func isIssued(n string) bool {
	if strings.Count(n, n[:1]) == len(n) {
		return false
	}
	switch {
	case n[0] == '4':
		return len(n) == 13 || len(n) == 16 || len(n) == 19
	case n[:2] >= "51" && n[:2] <= "55", n[:4] >= "2221" && n[:4] <= "2720":
		return len(n) == 16
	case n[:2] == "34" || n[:2] == "37":
		return len(n) == 15
	case n[:4] == "6011", n[:2] == "65", n[:2] == "35", n[:2] == "62":
		return len(n) >= 16
	case n[:2] == "36" || n[:2] == "38" || n[:3] >= "300" && n[:3] <= "305":
		return len(n) == 14
	default:
		return false
	}
}

// Expressions for numbers after a word that labels them.
var (
	bicNamed      = regexp.MustCompile(`^(?i)(?:BIC|SWIFT)\b[^A-Za-z0-9\n]{0,10}(?:(?:code|BIC|SWIFT|number|no)\b[^A-Za-z0-9\n]{0,10}){0,2}([A-Za-z]{6}[A-Za-z0-9]{2}(?:[A-Za-z0-9]{3})?)\b`)
	abaNamed      = regexp.MustCompile(`^(?i)(?:ABA|routing|RTN|transit|ACH)\b[^0-9\n]{0,40}\b([0-9]{9})\b`)
	sortNamed     = regexp.MustCompile(`^(?i)sort(?:ing)?[ -]?code\b[^0-9\n]{0,20}\b([0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2})\b`)
	accountNamed  = regexp.MustCompile(`^(?i)(?:a/c|acct|account|kontonummer|kontonr|rekeningnummer|conta|cuenta|compte)\b\.?[ \t]*(?:number|no|nr|num|n[°º]|#)?[^0-9A-Za-z\n]{0,10}\b([0-9][0-9 -]{4,20}[0-9])\b`)
	invoiceNamed  = regexp.MustCompile(`^(?i)(?:invoice|inv|rechnung(?:snummer)?|facture|factura|fattura|factuur|order|purchase order|po|bestellung|auftrag)\b\.?[ \t]*(?:number|no|nr|num|id|n[°º]|#)?[ \t]*[.:#-]*[ \t]*([A-Za-z]{0,6}[-/ ]?[0-9][A-Za-z0-9/-]{2,20})`)
	isoCountry    = regexp.MustCompile(`^[A-Z]{2}$`)
	cryptoLetters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
)

// named finds labelled numbers.
func (f *payments) named(text string) {
	var at [len(paymentNames)][]int
	places(text, func(s string) bool {
		for kind, names := range paymentNames {
			if hasFoldPrefix(s, names) {
				at[kind] = append(at[kind], len(text)-len(s))
			}
		}
		return false
	})
	each := func(kind int, re *regexp.Regexp, take func(value string)) {
		for _, m := range matchesAt(re, text, at[kind]) {
			take(m[1])
		}
	}
	each(0, bicNamed, f.bic)
	each(1, abaNamed, f.aba)
	each(2, sortNamed, func(v string) { f.add(PaymentSortCode, digitsOf(v), "GB") })
	each(3, accountNamed, f.account)
	each(4, invoiceNamed, func(v string) { f.add(PaymentInvoice, strings.ToUpper(strings.TrimRight(v, "-/")), "") })
}

// paymentNames are the beginnings of the labels, in search order.
var paymentNames = [5][]string{
	{"bic", "swift"},
	{"aba", "routing", "rtn", "transit", "ach"},
	{"sort"},
	{"a/c", "acct", "account", "konto", "rekening", "conta", "cuenta", "compte"},
	{"inv", "rechnung", "fact", "fattura", "order", "purchase", "po", "bestellung", "auftrag"},
}

// hasFoldPrefix reports whether s begins with one of the lower-case prefixes, ignoring
// case.
func hasFoldPrefix(s string, prefixes []string) bool {
	first := s[0] | 0x20
	for _, p := range prefixes {
		if p[0] == first && len(s) >= len(p) && strings.EqualFold(s[:len(p)], p) {
			return true
		}
	}
	return false
}

func (f *payments) bic(v string) {
	v = strings.ToUpper(v)
	if country := v[4:6]; isoCountry.MatchString(country) && hasBank(country) {
		f.add(PaymentBIC, v, country)
	}
}

func (f *payments) aba(v string) {
	if isABA(v) {
		f.add(PaymentABA, v, "US")
	}
}

func (f *payments) account(v string) {
	if n := digitsOf(v); len(n) >= 6 {
		f.add(PaymentAccount, n, "")
	}
}

// hasBank reports whether the letters are a country code of BICs: countries with an IBAN,
// and the large ones without.
func hasBank(country string) bool {
	if _, ok := ibanLengths[country]; ok {
		return true
	}
	return strings.Contains(" US CA AU NZ CN HK JP KR SG IN ID MY TH PH VN TW ZA NG KE GH MX AR CL CO PE UY MA DZ EG BD LK PK ", " "+country+" ")
}

// isABA checks the digits of a routing number: weights 3, 7, 1, and a first pair of a
// Federal Reserve district.
func isABA(s string) bool {
	sum := 0
	for i := range 9 {
		sum += int(s[i]-'0') * []int{3, 7, 1}[i%3]
	}
	district := s[:2]
	issued := district <= "12" || district >= "21" && district <= "32" || district >= "61" && district <= "72" || district == "80"
	return sum%10 == 0 && issued && s != "000000000"
}

func isHex(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'f')
	})
}

// base58Check returns the version byte of an address in Base58Check, the form of addresses
// of Bitcoin and of currencies derived from it.
func base58Check(s string) (version byte, ok bool) {
	n := new(big.Int)
	for i := range len(s) {
		d := strings.IndexByte(cryptoLetters, s[i])
		if d < 0 {
			return 0, false
		}
		n.Add(n.Mul(n, big.NewInt(58)), big.NewInt(int64(d)))
	}
	raw := make([]byte, 25)
	if n.BitLen() > 8*len(raw) {
		return 0, false
	}
	n.FillBytes(raw)
	first := sha256.Sum256(raw[:21])
	second := sha256.Sum256(first[:])
	return raw[0], string(second[:4]) == string(raw[21:])
}

// isBech32 verifies an address of BIP 173 or BIP 350 with the prefix of Bitcoin.
func isBech32(s string) bool {
	lower := strings.ToLower(s)
	if s != lower && s != strings.ToUpper(s) || !strings.HasPrefix(lower, "bc1") {
		return false
	}
	const charset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	values := []byte{3, 3, 0, 2, 3} // "bc", its high bits, a zero, its low bits
	for i := 3; i < len(lower); i++ {
		d := strings.IndexByte(charset, lower[i])
		if d < 0 {
			return false
		}
		values = append(values, byte(d))
	}
	sum := bech32Sum(values)
	return sum == 1 || sum == 0x2bc830a3
}

// bech32Sum is the checksum of BIP 173.
func bech32Sum(values []byte) uint32 {
	sum := uint32(1)
	for _, v := range values {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ uint32(v)
		for i, g := range []uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	return sum
}
