package sandbox

import (
	"testing"
	"unsafe"
)

// There may be a hundred thousand VUs: growing past a size class of the
// allocator is a decision.
func TestVUStaysSmall(t *testing.T) {
	if size := unsafe.Sizeof(VU{}); size > 352 {
		t.Errorf("a VU takes %d bytes, at most 352 were wanted", size)
	}
}
