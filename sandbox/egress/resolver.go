package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// maxRecords bounds the names that are remembered.
	maxRecords = 4096
	// maxAddrs bounds the addresses of one name.
	maxAddrs = 256
	// failureTTL is how long a failed look-up is not repeated: enough to keep
	// thousands of VUs from asking at once, short enough to see a repair.
	failureTTL = time.Second
	// glanceTime is how long Permit waits for the resolver, and glanceTTL how
	// long it then does not ask again: behind a proxy there may be none.
	glanceTime = 2 * time.Second
	glanceTTL  = 30 * time.Second
)

// resolver looks names up and remembers the answers. Of one name there is one
// look-up at a time, made by the first that asks, on its goroutine and with its
// context; others wait for it, and go on alone if that context ends. Safe for
// concurrent use.
type resolver struct {
	lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error)
	network string        // "ip", "ip4", "ip6"
	ttl     time.Duration // 0: nothing is remembered; negative: for ever
	sorted  bool          // answers are sorted, so that turns go by address

	mu      sync.Mutex
	records map[string]*record // by canonical name
}

// record is what is known of one name. Guarded by resolver.mu.
type record struct {
	answer  answer
	until   time.Time // the answer counts until then; zero: there is none
	flight  *flight   // the look-up under way, nil if none
	turn    uint64    // dials so far
	unknown time.Time // glance does not ask before
}

type answer struct {
	addrs []netip.Addr // not empty unless err is set; never changed
	err   error
}

// flight is a look-up under way.
type flight struct {
	done   chan struct{}
	answer answer // valid once done is closed
	broken bool   // the asker's context ended: the answer tells nothing
}

// resolve returns the addresses of a canonical name, and how many times it was
// asked for before.
func (r *resolver) resolve(ctx context.Context, host string, t *Trace) (addrs []netip.Addr, turn uint64, err error) {
	if r.ttl == 0 {
		if r.sorted {
			r.mu.Lock()
			turn = r.record(host).take()
			r.mu.Unlock()
		}
		t.start()
		a := r.ask(ctx, host)
		t.done()
		return a.addrs, turn, a.err
	}
	for traced := false; ; {
		r.mu.Lock()
		rec := r.record(host)
		if time.Now().Before(rec.until) {
			addrs, err, turn = rec.answer.addrs, rec.answer.err, rec.take()
			r.mu.Unlock()
			return addrs, turn, err
		}
		f, first := rec.flight, rec.flight == nil
		if first {
			f = &flight{done: make(chan struct{})}
			rec.flight = f
		}
		r.mu.Unlock()

		if !traced {
			traced = true
			t.start()
			defer t.done()
		}
		if first {
			r.fly(ctx, host, rec, f)
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, 0, &net.DNSError{
				Err: ctx.Err().Error(), Name: host, UnwrapErr: ctx.Err(),
				IsTimeout: errors.Is(ctx.Err(), context.DeadlineExceeded),
			}
		}
		if !f.broken || first {
			r.mu.Lock()
			turn = rec.take()
			r.mu.Unlock()
			return f.answer.addrs, turn, f.answer.err
		}
	}
}

// fly makes the look-up that f stands for, whatever becomes of it.
func (r *resolver) fly(ctx context.Context, host string, rec *record, f *flight) {
	f.broken = true
	defer func() {
		r.mu.Lock()
		rec.flight = nil
		if !f.broken {
			rec.answer, rec.until = f.answer, r.expiry(f.answer.err)
		}
		r.mu.Unlock()
		close(f.done)
	}()
	f.answer = r.ask(ctx, host)
	f.broken = f.answer.err != nil && ctx.Err() != nil
}

func (r *resolver) expiry(err error) time.Time {
	ttl := r.ttl
	if ttl < 0 {
		ttl = 100 * 365 * 24 * time.Hour
	}
	if err != nil {
		ttl = min(ttl, failureTTL)
	}
	return time.Now().Add(ttl)
}

// ask makes one look-up.
func (r *resolver) ask(ctx context.Context, host string) answer {
	lookup, network := r.lookup, r.network
	if lookup == nil {
		lookup = net.DefaultResolver.LookupNetIP
	}
	if network == "" {
		network = "ip"
	}
	addrs, err := lookup(ctx, network, host)
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	}
	if err != nil {
		return answer{err: err}
	}
	addrs = slices.Clone(addrs[:min(len(addrs), maxAddrs)])
	if r.sorted {
		slices.SortFunc(addrs, netip.Addr.Compare)
	}
	return answer{addrs: addrs}
}

// glance is resolve for those who can do without an answer: it does not wait
// for long, and does not try again soon what failed. Its error is ctx's alone.
func (r *resolver) glance(ctx context.Context, host string, t *Trace) ([]netip.Addr, error) {
	r.mu.Lock()
	tried := time.Now().Before(r.record(host).unknown)
	r.mu.Unlock()
	if tried {
		return nil, nil
	}
	short, cancel := context.WithTimeout(ctx, glanceTime)
	defer cancel()
	addrs, _, err := r.resolve(short, host, t)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		r.mu.Lock()
		r.record(host).unknown = time.Now().Add(glanceTTL)
		r.mu.Unlock()
	}
	return addrs, nil
}

// record returns the record of host, a new one if there is none. r.mu is held.
func (r *resolver) record(host string) *record {
	if rec := r.records[host]; rec != nil {
		return rec
	}
	rec := &record{}
	if len(r.records) >= maxRecords && !r.evict() {
		return rec // all others are being asked for: this one is not kept
	}
	if r.records == nil {
		r.records = map[string]*record{}
	}
	r.records[host] = rec
	return rec
}

// evict makes room for a name: of a few taken at random the first that has
// expired goes, else any that is not being asked for. r.mu is held.
func (r *resolver) evict() bool {
	const sample = 16
	now, seen, victim := time.Now(), 0, ""
	for host, rec := range r.records {
		if rec.flight != nil {
			continue
		}
		victim = host
		if seen++; seen == sample || !now.Before(rec.until) && !now.Before(rec.unknown) {
			break
		}
	}
	delete(r.records, victim)
	return victim != ""
}

// take counts a dial. resolver.mu is held.
func (rec *record) take() uint64 {
	rec.turn++
	return rec.turn - 1
}
