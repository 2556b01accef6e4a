package cluster

import (
	"sync"

	"github.com/swarmload/swarm/cluster/wire"
)

// maxReason bounds what a script may say about the end of a test.
const maxReason = 1 << 10

// rulings are what the script of a runner says of the whole test: abort it,
// fail it. Of each kind the first one counts. Safe for concurrent use; neither
// method blocks.
type rulings struct {
	ready chan struct{} // holds a token while some wait to be sent

	mu      sync.Mutex
	given   map[wire.Ruling_Kind]bool
	waiting []*wire.Ruling
}

func newRulings() *rulings {
	return &rulings{ready: make(chan struct{}, 1), given: map[wire.Ruling_Kind]bool{}}
}

func (r *rulings) abort(reason string) { r.give(wire.Ruling_ABORT, reason) }
func (r *rulings) fail(reason string)  { r.give(wire.Ruling_FAIL, reason) }

func (r *rulings) give(kind wire.Ruling_Kind, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.given[kind] {
		return
	}
	r.given[kind] = true
	r.waiting = append(r.waiting, &wire.Ruling{Kind: kind, Reason: wire.Text(wire.Shorten(reason, maxReason))})
	select {
	case r.ready <- struct{}{}:
	default:
	}
}

// take returns those that wait.
func (r *rulings) take() []*wire.Ruling {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.waiting
	r.waiting = nil
	return taken
}
