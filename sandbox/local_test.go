package sandbox

import (
	"context"
	"testing"

	"github.com/swarmload/swarm/engine/vu"
)

type (
	oneKey   struct{}
	otherKey struct{}
)

func TestLocal(t *testing.T) {
	p := newProgram(t, newHost(), `exports.default = () => {}`)
	v, err := p.newVU(context.Background(), vu.Identity{InTest: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()

	made := 0
	get := func(key any) int {
		return v.Local(key, func() any { made++; return made }).(int)
	}
	if a, b, again := get(oneKey{}), get(otherKey{}), get(oneKey{}); a != 1 || b != 2 || again != 1 {
		t.Errorf("got %d, %d and %d again; want 1, 2 and 1", a, b, again)
	}

	other, err := p.newVU(context.Background(), vu.Identity{InTest: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if got := other.Local(oneKey{}, func() any { return -1 }).(int); got != -1 {
		t.Errorf("another VU has %d of the first", got)
	}

	// A new runtime begins with nothing.
	v.discard()
	if err := v.start(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := get(oneKey{}); got != 3 {
		t.Errorf("in a new runtime: got %d, want a value made anew", got)
	}
}
