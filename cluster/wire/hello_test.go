package wire

import (
	"errors"
	"strings"
	"testing"
)

func TestNegotiate(t *testing.T) {
	for _, c := range []struct {
		own, peer [2]uint32
		want      uint32
	}{
		{[2]uint32{1, 1}, [2]uint32{1, 1}, 1},
		{[2]uint32{1, 3}, [2]uint32{2, 5}, 3},
		{[2]uint32{2, 5}, [2]uint32{1, 3}, 3},
		{[2]uint32{1, 1}, [2]uint32{2, 3}, 0},
		{[2]uint32{4, 4}, [2]uint32{2, 3}, 0},
		{[2]uint32{1, 1}, [2]uint32{0, 0}, 0},
	} {
		own := &Hello{MinVersion: c.own[0], MaxVersion: c.own[1], Build: "1.0", Role: RoleCoordinator}
		peer := &Hello{MinVersion: c.peer[0], MaxVersion: c.peer[1], Build: "2.0", Role: RoleRunner}
		got, err := Negotiate(own, peer)
		if got != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%v with %v: got %d, %v; want %d", c.own, c.peer, got, err, c.want)
		}
		if turned, _ := Negotiate(peer, own); turned != got {
			t.Errorf("%v with %v: one side chose %d, the other %d", c.own, c.peer, got, turned)
		}
		var mismatch *VersionMismatch
		if err != nil {
			if !errors.As(err, &mismatch) {
				t.Errorf("error is a %T", err)
			}
			for _, part := range []string{"1.0", "2.0", RoleCoordinator, RoleRunner} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not name %q", err, part)
				}
			}
		}
	}
	if _, err := Negotiate(NewHello(RoleCoordinator), NewHello(RoleRunner)); err != nil {
		t.Errorf("a build does not fit itself: %v", err)
	}
}
