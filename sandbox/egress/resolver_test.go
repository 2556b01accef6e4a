package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// names is a name server: it answers after delay and counts.
type names struct {
	mu      sync.Mutex
	answers map[string][]netip.Addr
	err     error
	delay   time.Duration
	asked   int
}

func (n *names) lookup(ctx context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	n.asked++
	delay, answer, err := n.delay, n.answers[host], n.err
	n.mu.Unlock()
	select {
	case <-time.After(delay):
		return answer, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *names) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

func addrs(texts ...string) (out []netip.Addr) {
	for _, text := range texts {
		out = append(out, netip.MustParseAddr(text))
	}
	return out
}

// piped stands for a network that answers everywhere; it keeps what was dialled.
type piped struct {
	mu     sync.Mutex
	dialed []string
}

func (p *piped) dial(_ context.Context, _, address string, _ netip.Addr) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialed = append(p.dialed, address)
	client, server := net.Pipe()
	server.Close()
	return client, nil
}

func mustNew(t testing.TB, o Options) *Dialer {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mustDial(t testing.TB, ctx context.Context, d *Dialer, address string) {
	t.Helper()
	conn, err := d.Dial(ctx, "tcp", address)
	if err != nil {
		t.Fatalf("dial %s: %v", address, err)
	}
	conn.Close()
}

func TestRecordsLiveAsLongAsTheirTTL(t *testing.T) {
	for _, c := range []struct {
		ttl  time.Duration
		want []int // look-ups so far after dials at 0, 0, 59 s, 61 s, 121 s and 10,000 h
	}{
		{0, []int{1, 2, 3, 4, 5, 6}},
		{time.Minute, []int{1, 1, 1, 2, 2, 3}},
		{-1, []int{1, 1, 1, 1, 1, 1}},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := &names{answers: map[string][]netip.Addr{"a.test": addrs("127.0.0.1")}}
			p := &piped{}
			d := mustNew(t, Options{TTL: c.ttl, Lookup: n.lookup, DialIP: p.dial})
			begin := time.Now()
			for i, at := range []time.Duration{0, 0, 59 * time.Second, 61 * time.Second, 120 * time.Second, 10_000 * time.Hour} {
				time.Sleep(time.Until(begin.Add(at)))
				mustDial(t, t.Context(), d, []string{"a.test:80", "A.Test.:80"}[i%2])
				if got := n.count(); got != c.want[i] {
					t.Errorf("TTL %v: %d look-ups after dial %d at %v, want %d", c.ttl, got, i, at, c.want[i])
				}
			}
		})
	}
}

func TestFailuresAreRememberedForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &names{err: &net.DNSError{Err: "no such host", IsNotFound: true}}
		d := mustNew(t, Options{TTL: -1, Lookup: n.lookup, DialIP: new(piped).dial})
		for i, want := range []int{1, 1, 2} {
			if i == 2 {
				time.Sleep(failureTTL)
			}
			var dns *net.DNSError
			if _, err := d.Dial(t.Context(), "tcp", "a.test:80"); !errors.As(err, &dns) || !dns.IsNotFound {
				t.Errorf("error %v", err)
			}
			if n.count() != want {
				t.Errorf("%d look-ups after dial %d, want %d", n.count(), i, want)
			}
		}
		n.err, n.answers = nil, map[string][]netip.Addr{"a.test": addrs("127.0.0.1")}
		time.Sleep(failureTTL)
		mustDial(t, t.Context(), d, "a.test:80")
	})
}

// Of one name there is one look-up at a time, which everybody waits for and is
// told of; afterwards nobody is.
func TestOneLookUpAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &names{answers: map[string][]netip.Addr{"a.test": addrs("127.0.0.1")}, delay: time.Second}
		d := mustNew(t, Options{TTL: time.Minute, Lookup: n.lookup, DialIP: new(piped).dial})
		var started, done, waited atomic.Int64
		dial := func() {
			var begin time.Time
			ctx := WithTrace(t.Context(), &Trace{
				Start: func() { started.Add(1); begin = time.Now() },
				Done:  func() { done.Add(1); waited.Add(int64(time.Since(begin))) },
			})
			mustDial(t, ctx, d, "a.test:80")
		}
		var all sync.WaitGroup
		for range 50 {
			all.Go(dial)
		}
		all.Wait()
		if n.count() != 1 || started.Load() != 50 || done.Load() != 50 || waited.Load() != int64(50*time.Second) {
			t.Errorf("%d look-ups, %d started, %d done, %v waited", n.count(), started.Load(), done.Load(), time.Duration(waited.Load()))
		}
		dial()
		if n.count() != 1 || started.Load() != 50 || done.Load() != 50 {
			t.Errorf("a known name: %d look-ups, %d started, %d done", n.count(), started.Load(), done.Load())
		}
	})
}

func TestTTLZeroSharesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &names{answers: map[string][]netip.Addr{"a.test": addrs("127.0.0.1")}, delay: time.Second}
		d := mustNew(t, Options{Lookup: n.lookup, DialIP: new(piped).dial})
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { mustDial(t, t.Context(), d, "a.test:80") })
		}
		all.Wait()
		if n.count() != 10 || len(d.names.records) != 0 {
			t.Errorf("%d look-ups, %d records", n.count(), len(d.names.records))
		}
	})
}

// One whose context ends goes; those who wait for its look-up make their own.
func TestWaitersOutliveWhoAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &names{answers: map[string][]netip.Addr{"a.test": addrs("127.0.0.1")}, delay: 10 * time.Second}
		d := mustNew(t, Options{TTL: time.Minute, Lookup: n.lookup, DialIP: new(piped).dial})
		begin := time.Now()
		var all sync.WaitGroup
		impatient := func(after time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			_, err := d.Dial(ctx, "tcp", "a.test:80")
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != after {
				t.Errorf("%v after %v, want the deadline after %v", err, time.Since(begin), after)
			}
		}
		all.Go(func() { impatient(3 * time.Second) }) // asks
		synctest.Wait()
		all.Go(func() { impatient(time.Second) }) // waits
		for range 5 {
			all.Go(func() { mustDial(t, t.Context(), d, "a.test:80") })
		}
		all.Wait()
		if n.count() != 2 || time.Since(begin) != 13*time.Second {
			t.Errorf("%d look-ups in %v, want the second to begin after 3 s", n.count(), time.Since(begin))
		}
	})
}

// A look-up that never returns properly must not hold up those who wait.
func TestALookUpThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		d := mustNew(t, Options{TTL: time.Minute, DialIP: new(piped).dial, Lookup: func(context.Context, string, string) ([]netip.Addr, error) {
			if first {
				first = false
				time.Sleep(time.Second)
				panic("broken")
			}
			return addrs("127.0.0.1"), nil
		}})
		var all sync.WaitGroup
		all.Go(func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is lost")
				}
			}()
			d.Dial(t.Context(), "tcp", "a.test:80")
		})
		synctest.Wait()
		all.Go(func() { mustDial(t, t.Context(), d, "a.test:80") })
		all.Wait()
	})
}

// What was allowed once is checked again, and a name that moves to a refused
// address is refused however it was before.
func TestRebinding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &names{answers: map[string][]netip.Addr{"a.test": addrs("169.254.169.254", "127.0.0.1", "fd00:ec2::254")}}
		p := &piped{}
		d := mustNew(t, Options{TTL: time.Minute, Select: RoundRobin, Lookup: n.lookup, DialIP: p.dial})
		for range 9 {
			mustDial(t, t.Context(), d, "a.test:80")
		}
		n.answers["a.test"] = addrs("169.254.169.254")
		time.Sleep(time.Minute)
		var blocked *Blocked
		for range 2 {
			if _, err := d.Dial(t.Context(), "tcp", "a.test:80"); !errors.As(err, &blocked) || blocked.Reason != "cloud metadata" {
				t.Errorf("error %v", err)
			}
		}
		for _, address := range p.dialed {
			if address != "127.0.0.1:80" {
				t.Errorf("dialled %s", address)
			}
		}
	})
}

func TestRecordsAreBounded(t *testing.T) {
	n := &names{}
	lookup := func(ctx context.Context, network, host string) ([]netip.Addr, error) {
		n.asked++
		return addrs("127.0.0.1"), nil
	}
	d := mustNew(t, Options{TTL: -1, Lookup: lookup, DialIP: new(piped).dial})
	for i := range 2 * maxRecords {
		mustDial(t, t.Context(), d, fmt.Sprintf("h%d.test:80", i))
	}
	if len(d.names.records) != maxRecords || n.asked != 2*maxRecords {
		t.Errorf("%d records after %d look-ups", len(d.names.records), n.asked)
	}
	many := make([]netip.Addr, 5*maxAddrs)
	for i := range many {
		many[i] = netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)})
	}
	if a := (&resolver{lookup: func(context.Context, string, string) ([]netip.Addr, error) { return many, nil }}).ask(t.Context(), "x"); len(a.addrs) != maxAddrs {
		t.Errorf("%d addresses are kept", len(a.addrs))
	}
}

// While all records are being asked for, none is lost and nothing breaks.
func TestAFullHouseOfLookUps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := atomic.Int64{}
		lookup := func(context.Context, string, string) ([]netip.Addr, error) {
			asked.Add(1)
			time.Sleep(time.Second)
			return addrs("127.0.0.1"), nil
		}
		r := &resolver{lookup: lookup, ttl: time.Minute}
		var all sync.WaitGroup
		for i := range maxRecords + 10 {
			all.Go(func() {
				if a, _, err := r.resolve(t.Context(), fmt.Sprintf("h%d", i), nil); err != nil || len(a) != 1 {
					t.Errorf("%v, %v", a, err)
				}
			})
		}
		all.Wait()
		if len(r.records) != maxRecords || asked.Load() != maxRecords+10 {
			t.Errorf("%d records after %d look-ups", len(r.records), asked.Load())
		}
	})
}

// What a proxy is asked for is looked up here too, but never for long, nor in
// vain for each request.
func TestPermitIsQuickWithoutAResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, ttl := range []time.Duration{0, time.Minute} {
			n := &names{delay: time.Hour}
			d := mustNew(t, Options{TTL: ttl, Lookup: n.lookup})
			begin := time.Now()
			for range 20 {
				if err := d.Permit(t.Context(), "a.test:80"); err != nil {
					t.Error(err)
				}
			}
			if n.count() != 1 || time.Since(begin) != glanceTime {
				t.Errorf("TTL %v: %d look-ups in %v", ttl, n.count(), time.Since(begin))
			}
			time.Sleep(glanceTTL)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := d.Permit(ctx, "a.test:80"); !errors.Is(err, context.DeadlineExceeded) || n.count() != 2 {
				t.Errorf("%v after %d look-ups", err, n.count())
			}
			cancel()
		}
	})
}

// BenchmarkKnownName is what a dial costs before the connection is opened.
func BenchmarkKnownName(b *testing.B) {
	n := &names{answers: map[string][]netip.Addr{"a.test": addrs("127.0.0.1", "127.0.0.2", "::1", "127.0.0.3")}}
	d := mustNew(b, Options{TTL: -1, Select: Random, Policy: PreferIPv4, BlockHosts: []string{"*.b.test"}, Lookup: n.lookup})
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := d.routes(b.Context(), "tcp", "a.test:80"); err != nil {
			b.Fatal(err)
		}
	}
}
