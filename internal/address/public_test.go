package address_test

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"outrider/internal/address"
)

func TestIsPublic(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]bool{
		"192.0.2.1": true, "2001:db8::1": true, "::ffff:192.0.2.1": true, "64:ff9b::192.0.2.1": true, "2002:c000:201::": true,
		"127.0.0.1": false, "10.0.0.5": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false,
		"0.0.0.0": false, "0.1.2.3": false, "100.64.0.1": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::127.0.0.1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.5": false,
		"64:ff9b::7f00:1": false, "64:ff9b:1::1": false, "2002:7f00:1::": false, "fe80::1": false, "2001:db8::1%eth0": false,
		"fc00::1": false, "fd12::1": false, "ff02::1": false, "fec0::1": false,
	} {
		if got := address.IsPublic(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: got %t", addr, got)
		}
	}
	if address.IsPublic(netip.Addr{}) {
		t.Error("no address at all is public")
	}
}

func TestCarriedAddressesAreWhatTheyCarry(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v4 := [4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address"))
		nat, six := netip.MustParseAddr("64:ff9b::").As16(), netip.MustParseAddr("2002::").As16()
		copy(nat[12:], v4[:])
		copy(six[2:], v4[:])
		want := address.IsPublic(netip.AddrFrom4(v4))
		for _, a := range []netip.Addr{netip.AddrFrom16(nat), netip.AddrFrom16(six)} {
			if address.IsPublic(a) != want {
				t.Fatalf("%s: got %t, want %t", a, !want, want)
			}
		}
	})
}
