#!/usr/bin/env bash
# Finding: github.com/bodgit/sevenzip returns noise, and no error, when a file that is stored (not
# compressed) and encrypted in a 7z archive is read with a wrong password.
#
# Expected: an error, as with a compressed file, or because the CRC-32 that the archive holds for the
# file does not match. Seen: the reader returns as many bytes as the file has, ends with io.EOF, and
# the CRC-32 was not compared. A caller that tries passwords must compare it: File.CRC32.
#
# Versions: github.com/bodgit/sevenzip v1.6.5, p7zip 16.02 (Debian 12). Needs go and 7z.
set -euo pipefail
command -v go >/dev/null && command -v 7z >/dev/null || { echo "needs go and 7z (Debian: p7zip-full)" >&2; exit 2; }
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
cd "$tmp"
printf 'We walk along the river until the old mill.\n' > note.txt
7z a -bd -mx=0 -pright stored.7z note.txt >/dev/null
cat > go.mod <<'EOF'
module finding

go 1.26
EOF
go get github.com/bodgit/sevenzip@v1.6.5 2>/dev/null
cat > main.go <<'EOF'
package main

import (
	"fmt"
	"hash/crc32"
	"io"

	"github.com/bodgit/sevenzip"
)

func main() {
	for _, password := range []string{"right", "wrong"} {
		r, err := sevenzip.OpenReaderWithPassword("stored.7z", password)
		if err != nil {
			fmt.Println(password, "open:", err)
			continue
		}
		f, err := r.File[0].Open()
		if err != nil {
			fmt.Println(password, "file:", err)
			continue
		}
		data, err := io.ReadAll(f)
		fmt.Printf("%s: %d bytes, error %v, CRC-32 matches %t\n", password, len(data), err, crc32.ChecksumIEEE(data) == r.File[0].CRC32)
	}
}
EOF
go mod tidy 2>/dev/null
seen=$(go run .)
echo "$seen"
[ "$seen" = "right: 44 bytes, error <nil>, CRC-32 matches true
wrong: 44 bytes, error <nil>, CRC-32 matches false" ] || { echo "the behaviour has changed" >&2; exit 1; }
