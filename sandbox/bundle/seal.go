package bundle

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
)

// ErrTampered says that a bundle's parts are not those its hash was made of.
var ErrTampered = errors.New("the bundle does not match its hash")

// digest hashes every part behind its length, so that no two different
// bundles give the same stream of bytes.
func (b *Bundle) digest() string {
	h := sha256.New()
	part := func(data []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(data)))
		h.Write(n[:])
		h.Write(data)
	}
	part([]byte("swarm bundle 1"))
	part([]byte(b.Entry))
	part(b.Code)
	part(b.Map)
	for _, name := range slices.Sorted(maps.Keys(b.Sources)) {
		part([]byte(name))
		part(b.Sources[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Verify returns ErrTampered unless Hash is the hash of the other fields. Who
// receives a bundle calls it before running anything.
func (b *Bundle) Verify() error {
	if b.Hash != b.digest() {
		return ErrTampered
	}
	return nil
}
