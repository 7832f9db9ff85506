package lnk_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"outrider/internal/attachment/lnk"
	"outrider/internal/mailtest"
)

// shortcut is what build writes. Empty fields are left out.
type shortcut struct {
	items                              [][]byte
	local, suffix, share               string
	wide                               bool // the info has its strings in UTF-16 too
	description, relative, dir         string
	arguments, icon                    string
	iconIndex                          int32
	show, hotkey                       uint16
	ansi, elevated                     bool
	environment, iconEnv, machine, mac string
	overlay                            string
}

func u16(n int) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(n)) }
func u32(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }

func wide(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func drive(letter string) []byte { return []byte("\x2f" + letter + ":\\\x00") }

// fileItem is an item of a file with its long name in an extension block of the version.
func fileItem(short, long string, version int) []byte {
	b := append(append([]byte{0x32, 0}, make([]byte, 10)...), short...)
	b = append(b, 0)
	if long == "" {
		return b
	}
	skip := 8
	if version >= 7 {
		skip += 18
	}
	if version >= 8 {
		skip += 4
	}
	if version >= 9 {
		skip += 4
	}
	block := slices.Concat(u16(version), []byte("\x04\x00\xef\xbe"), make([]byte, skip+4), wide(long), []byte{0, 0})
	return slices.Concat(b, u16(len(block)+2), block)
}

func (s *shortcut) build() []byte {
	le := binary.LittleEndian
	h := make([]byte, 76)
	copy(h, "L\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46")
	flags := uint32(0)
	le.PutUint32(h[56:], uint32(s.iconIndex))
	le.PutUint32(h[60:], uint32(s.show))
	le.PutUint16(h[64:], s.hotkey)
	var body []byte
	if s.items != nil {
		flags |= 1
		var list []byte
		for _, item := range s.items {
			list = slices.Concat(list, u16(len(item)+2), item)
		}
		list = append(list, 0, 0)
		body = slices.Concat(body, u16(len(list)), list)
	}
	if s.local != "" || s.share != "" {
		flags |= 2
		body = append(body, s.info()...)
	}
	for k, text := range []string{s.description, s.relative, s.dir, s.arguments, s.icon} {
		if text == "" {
			continue
		}
		flags |= 4 << k
		if s.ansi {
			body = slices.Concat(body, u16(len(text)), []byte(text))
		} else {
			body = slices.Concat(body, u16(len(wide(text))/2), wide(text))
		}
	}
	if !s.ansi {
		flags |= 0x80
	}
	if s.elevated {
		flags |= 0x2000
	}
	le.PutUint32(h[20:], flags)
	return slices.Concat(h, body, s.extra(), []byte(s.overlay))
}

func (s *shortcut) info() []byte {
	head, flags := 28, 0
	if s.wide {
		head = 36
	}
	var body []byte
	at := func(b []byte) int { body = append(body, b...); return head + len(body) - len(b) }
	var local, net, suffix, local16, suffix16 int
	if s.local != "" {
		flags |= 1
		local = at(append([]byte(s.local), 0))
	}
	if s.share != "" {
		flags |= 2
		net = at(slices.Concat(u32(21+len(s.share)), u32(0), u32(20), u32(0), u32(0), []byte(s.share), []byte{0}))
	}
	suffix = at(append([]byte(s.suffix), 0))
	if s.wide {
		local16 = at(append(wide(s.local+"✓"), 0, 0))
		suffix16 = at(append(wide(s.suffix), 0, 0))
	}
	b := slices.Concat(u32(head+len(body)), u32(head), u32(flags), u32(0), u32(local), u32(net), u32(suffix))
	if s.wide {
		b = slices.Concat(b, u32(local16), u32(suffix16))
	}
	return append(b, body...)
}

func (s *shortcut) extra() []byte {
	var out []byte
	for _, e := range []struct {
		kind int
		path string
	}{{0xa0000001, s.environment}, {0xa0000007, s.iconEnv}} {
		if e.path != "" {
			b := make([]byte, 788)
			copy(b, slices.Concat(u32(788), u32(e.kind), []byte(e.path)))
			copy(b[268:], wide(e.path))
			out = append(out, b...)
		}
	}
	if s.machine != "" {
		b := make([]byte, 96)
		copy(b, slices.Concat(u32(96), u32(0xa0000003), u32(88), u32(0), []byte(s.machine)))
		b[55] = 0x11 // a UUID of version 1
		copy(b[58:], s.mac)
		out = append(out, b...)
	}
	return append(out, 0, 0, 0, 0)
}

var samples = []struct {
	name string
	in   shortcut
	want func(*lnk.Link) bool
}{
	{"a local path", shortcut{local: `C:\Windows\System32\`, suffix: "cmd.exe"}, func(l *lnk.Link) bool { return l.Target() == `C:\Windows\System32\cmd.exe` }},
	{"a local path in UTF-16", shortcut{local: `C:\a`, wide: true}, func(l *lnk.Link) bool { return l.Local == `C:\a✓` }},
	{"a share", shortcut{share: `\\host\dav`, suffix: "a.exe"}, func(l *lnk.Link) bool { return l.Target() == `\\host\dav\a.exe` }},
	{"items with long names", shortcut{items: [][]byte{drive("C"), fileItem("PROGRA~1", "Program Files", 3), fileItem("A.EXE", "ä.exe", 9)}},
		func(l *lnk.Link) bool { return l.Target() == `C:\Program Files\ä.exe` }},
	{"items with names of Windows 7", shortcut{items: [][]byte{drive("D"), fileItem("X", "long seven", 7), fileItem("X", "long eight", 8)}},
		func(l *lnk.Link) bool { return l.Items == `D:\long seven\long eight` }},
	{"an item with a short name only", shortcut{items: [][]byte{fileItem("A.EXE", "", 0)}}, func(l *lnk.Link) bool { return l.Items == "A.EXE" }},
	{"an address as an item", shortcut{items: [][]byte{slices.Concat([]byte{0x61, 0x80, 0, 0}, wide("https://a.example/x"), []byte{0, 0})}},
		func(l *lnk.Link) bool { return l.Target() == "https://a.example/x" }},
	{"the environment wins", shortcut{local: `C:\x.exe`, environment: `%ComSpec%`}, func(l *lnk.Link) bool { return l.Target() == "%ComSpec%" }},
	{"arguments of the code page", shortcut{ansi: true, local: `C:\cmd.exe`, arguments: "/c \xe4"}, func(l *lnk.Link) bool { return l.CommandLine() == `C:\cmd.exe /c ä` }},
	{"all strings", shortcut{description: "d", relative: `..\r`, dir: `C:\w`, arguments: "a", icon: "i", show: 7, hotkey: 0x0654},
		func(l *lnk.Link) bool {
			return l.Description == "d" && l.Relative == `..\r` && l.WorkingDir == `C:\w` && l.Icon == "i" && l.Show == "minimized" && l.Hotkey == "Ctrl+Alt+T"
		}},
	{"the machine", shortcut{machine: "desk", mac: "\x00\x00\x5e\x00\x53\x01"}, func(l *lnk.Link) bool { return l.Machine == "desk" && l.MAC == "00:00:5e:00:53:01" }},
	{"padding", shortcut{local: `C:\cmd.exe`, arguments: strings.Repeat(" \t\n", 20) + "/c x"},
		func(l *lnk.Link) bool {
			return slices.Equal(l.Notes, []lnk.Note{lnk.PaddedArguments}) && l.CommandLine() == `C:\cmd.exe /c x`
		}},
	{"blanks between words", shortcut{arguments: "a    b"}, func(l *lnk.Link) bool { return len(l.Notes) == 0 }},
	{"long arguments", shortcut{arguments: strings.Repeat("x ", 131)}, func(l *lnk.Link) bool { return slices.Equal(l.Notes, []lnk.Note{lnk.LongArguments}) }},
	{"a borrowed icon", shortcut{local: `C:\Windows\System32\mshta.exe`, icon: `%ProgramFiles%\Microsoft\Edge\Application\msedge.exe`, iconIndex: 11},
		func(l *lnk.Link) bool { return slices.Contains(l.Notes, lnk.BorrowedIcon) }},
	{"an icon of the shell", shortcut{local: `C:\cmd.exe`, icon: `C:\Windows\System32\shell32.dll`, iconIndex: -152},
		func(l *lnk.Link) bool { return slices.Contains(l.Notes, lnk.BorrowedIcon) }},
	{"its own icon", shortcut{local: `C:\cmd.exe`, icon: `C:\cmd.exe`}, func(l *lnk.Link) bool { return len(l.Notes) == 0 }},
	{"a viewer with its icon", shortcut{local: `C:\winword.exe`, icon: `C:\winword.exe`}, func(l *lnk.Link) bool { return len(l.Notes) == 0 }},
	{"an icon by its environment", shortcut{environment: `%windir%\cmd.exe`, iconEnv: `%windir%\notepad.exe`},
		func(l *lnk.Link) bool {
			return l.Icon == `%windir%\notepad.exe` && slices.Contains(l.Notes, lnk.BorrowedIcon)
		}},
	{"two targets", shortcut{local: `C:\a.exe`, items: [][]byte{drive("C"), fileItem("b.exe", "", 0)}}, func(l *lnk.Link) bool { return slices.Contains(l.Notes, lnk.DifferentPaths) }},
	{"as administrator", shortcut{local: `C:\a.exe`, elevated: true}, func(l *lnk.Link) bool { return slices.Contains(l.Notes, lnk.Elevated) }},
	{"an overlay", shortcut{local: `C:\a.exe`, overlay: "MZ program"}, func(l *lnk.Link) bool {
		return string(l.Overlay) == "MZ program" && slices.Contains(l.Notes, lnk.Overlay)
	}},
	{"zeros behind the end", shortcut{local: `C:\a.exe`, overlay: "\x00\x00\x00"}, func(l *lnk.Link) bool { return l.Overlay == nil && len(l.Notes) == 0 }},
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, tt := range samples {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if l := lnk.Read(tt.in.build()); !tt.want(l) {
				t.Errorf("%+v", l)
			}
		})
	}
}

func TestReadOfEveryPrefix(t *testing.T) {
	t.Parallel()
	s := shortcut{items: [][]byte{drive("C"), fileItem("A.EXE", "a.exe", 9)}, local: `C:\a.exe`, wide: true, arguments: "x"}
	whole := s.build()
	for n := range len(whole) - 4 {
		if l := lnk.Read(whole[:n]); !slices.Contains(l.Notes, lnk.Broken) {
			t.Fatalf("%d bytes: no note in %+v", n, l)
		}
	}
}

// worstItems is a list of as many items as fit, each with a name that makes the path longer.
func worstItems() []byte {
	s := shortcut{items: slices.Repeat([][]byte{fileItem("X", strings.Repeat("a", 100), 3)}, 250)}
	return s.build()
}

// worstBlocks is a shortcut of nothing but the smallest blocks of extra data.
func worstBlocks() []byte {
	s := shortcut{}
	b := s.build()
	return append(b[:len(b)-4], slices.Repeat([]byte{8, 0, 0, 0, 1, 0, 0, 0xa0}, 1<<20)...)
}

func TestReadInTime(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{"items": worstItems(), "blocks": worstBlocks()} {
		if took := mailtest.Spent(t, func() { lnk.Read(data) }); took > 2*time.Second {
			t.Errorf("%s: %v for %d bytes", name, took, len(data))
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range samples {
		f.Add(s.in.build())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l := lnk.Read(data)
		if len(l.Overlay) > len(data) || len(l.Items) > 4*len(data)+maxNames {
			t.Errorf("%d bytes of overlay, %d of items from %d", len(l.Overlay), len(l.Items), len(data))
		}
		if l.CommandLine() == "" && l.Interpreter() != "" {
			t.Error("an interpreter without a target")
		}
	})
}

// maxNames is what the names of shell folders, which items write as numbers, can add.
const maxNames = 256 * 42
