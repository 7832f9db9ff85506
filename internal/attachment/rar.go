package attachment

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/nwaples/rardecode/v2"
)

// openRAR reads the archive without a password, and again with each candidate while it
// needs one.
func openRAR(i *inspector, n *node) {
	closed := i.rarHides(n)
	for _, p := range append([]string{""}, i.passwords...) {
		if i.ctx() != nil {
			i.fail(n.id, errWall)
			return
		}
		err := rarRounds(n.data, p)
		if errors.Is(err, errRounds) {
			i.rarClosed(n, err)
			return
		}
		if err == nil && !i.rarNeeds(n, p, closed) {
			i.rar(n, &p)
			return
		}
	}
	i.rarClosed(n, errLocked)
}

// rarClosed names the files of an archive that stays encrypted, unless the names are
// encrypted too.
func (i *inspector) rarClosed(n *node, why error) {
	i.rar(n, nil)
	i.file(n.id).Encrypted = true
	i.fail(n.id, why)
}

// rarReader opens the archive. Without a password the library derives no keys.
func (i *inspector) rarReader(n *node, password *string) (*rardecode.Reader, error) {
	options := []rardecode.Option{rardecode.MaxDictionarySize(i.limits.Window)}
	if password != nil {
		options = append(options, rardecode.Password(*password))
	}
	r, err := rardecode.NewReader(bytes.NewReader(n.data), options...)
	if err != nil {
		return nil, fmt.Errorf("opening rar: %w", err)
	}
	return r, nil
}

func locked(err error) bool {
	return errors.Is(err, rardecode.ErrArchiveEncrypted) || errors.Is(err, rardecode.ErrArchivedFileEncrypted) || errors.Is(err, rardecode.ErrBadPassword)
}

// rarHides reports whether the headers are encrypted.
func (i *inspector) rarHides(n *node) bool {
	r, err := i.rarReader(n, nil)
	if err == nil {
		_, err = r.Next()
	}
	return locked(err)
}

// rarNeeds reports whether the password does not open the first encrypted file. Encrypted
// headers are noise with a wrong one.
func (i *inspector) rarNeeds(n *node, password string, closed bool) bool {
	r, err := i.rarReader(n, &password)
	if err != nil {
		return closed || locked(err)
	}
	for range i.limits.Entries {
		h, err := r.Next()
		if err != nil {
			return closed && !errors.Is(err, io.EOF) || locked(err)
		}
		if !h.Encrypted || h.IsDir {
			continue
		}
		k, err := io.Copy(io.Discard, io.LimitReader(r, RatioFloor))
		i.spent += k
		return err != nil && !errors.Is(err, rardecode.ErrDictionaryTooLarge)
	}
	return false
}

func (i *inspector) rar(n *node, password *string) {
	r, err := i.rarReader(n, password)
	for err == nil {
		var h *rardecode.FileHeader
		if h, err = r.Next(); err == nil && !i.rarFile(n, r, h, password) {
			return
		}
	}
	if !errors.Is(err, io.EOF) && !locked(err) {
		i.fail(n.id, err)
	}
}

func (i *inspector) rarFile(n *node, r io.Reader, h *rardecode.FileHeader, password *string) bool {
	if !i.entry(n.id, h.Name) {
		return false
	}
	if h.LinkType != rardecode.LinkTypeNone {
		i.archive(n.id).Links++
	}
	if h.IsDir {
		return true
	}
	f := File{Parent: n.id, Name: h.Name, Size: h.UnPackedSize, Encrypted: h.Encrypted}
	if h.Encrypted {
		i.archive(n.id).Encrypted++
		i.file(n.id).Encrypted = true
		if password == nil {
			i.unread(n.id, h.Name, h.UnPackedSize, true, nil)
			return true
		}
		f.Password, i.file(n.id).Password = *password, *password
	}
	// In a solid archive the packed size is meaningless: the archive's is the floor.
	return i.take(f, r, max(h.PackedSize, int64(len(n.data))))
}
