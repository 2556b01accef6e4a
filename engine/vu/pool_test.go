package vu

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// maker is a Script that makes VUs by a function and counts those open.
type maker struct {
	Script
	make func(ctx context.Context, id Identity) error
	open atomic.Int64
	ever atomic.Int64
}

func (s *maker) NewVU(ctx context.Context, id Identity) (VU, error) {
	if s.make != nil {
		if err := s.make(ctx, id); err != nil {
			return nil, err
		}
	}
	s.open.Add(1)
	s.ever.Add(1)
	return &made{script: s}, nil
}

type made struct {
	VU
	script *maker
	closed atomic.Bool
}

func (v *made) Close() {
	if v.closed.Swap(true) {
		panic("closed twice")
	}
	v.script.open.Add(-1)
}

func TestPool(t *testing.T) {
	s := new(maker)
	p := NewPool(s, 5)
	if p.Made() != 0 || p.Size() != 5 || p.Take() != nil {
		t.Fatal("VUs before Init")
	}
	if err := p.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.Made() != 5 || s.open.Load() != 5 {
		t.Fatalf("%d made, %d open", p.Made(), s.open.Load())
	}
	var members []*Member
	for i := range uint64(5) {
		m := p.Take()
		if want := (Identity{InInstance: i + 1, InTest: i + 1}); m == nil || m.ID != want || m.VU == nil {
			t.Fatalf("took %+v, want %v", m, want)
		}
		members = append(members, m)
	}
	if m := p.Take(); m != nil {
		t.Fatalf("took a sixth: %+v", m)
	}
	p.Put(members[3])
	if m, err := p.Get(t.Context()); err != nil || m != members[3] {
		t.Fatalf("got %+v, %v", m, err)
	}
	for _, m := range members {
		p.Put(m)
	}
	p.Close()
	p.Close()
	if p.Made() != 0 || s.open.Load() != 0 {
		t.Fatalf("after Close: %d made, %d open", p.Made(), s.open.Load())
	}
}

func TestPoolGetWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(new(maker), 1)
		if err := p.Init(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		m := p.Take()
		begin := time.Now()
		go func() {
			time.Sleep(time.Second)
			p.Put(m)
		}()
		got, err := p.Get(t.Context())
		if err != nil || got != m || time.Since(begin) != time.Second {
			t.Errorf("got %+v, %v after %v", got, err, time.Since(begin))
		}
		why := errors.New("over")
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			time.Sleep(time.Second)
			cancel(why)
		}()
		if got, err := p.Get(ctx); got != nil || err != why {
			t.Errorf("got %+v, %v, want %v", got, err, why)
		}
	})
}

func TestPoolReplace(t *testing.T) {
	s := new(maker)
	p := NewPool(s, 2)
	if err := p.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := p.Take()
	old := m.VU.(*made)
	if err := p.Replace(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if !old.closed.Load() || m.VU == nil || m.VU == VU(old) || m.ID.InInstance != 1 {
		t.Errorf("after Replace: old closed %v, member %+v", old.closed.Load(), m)
	}
	broken := errors.New("broken")
	s.make = func(context.Context, Identity) error { return broken }
	if err := p.Replace(t.Context(), m); err != broken {
		t.Errorf("error %v", err)
	}
	if m.VU != nil || p.Made() != 1 || s.open.Load() != 1 {
		t.Errorf("after a failed Replace: %+v, %d made, %d open", m, p.Made(), s.open.Load())
	}
	s.make = nil
	if err := p.Replace(t.Context(), m); err != nil || m.VU == nil || p.Made() != 2 {
		t.Errorf("after another Replace: %+v, %d made, error %v", m, p.Made(), err)
	}
	p.Put(m)
	p.Close()
	if s.open.Load() != 0 {
		t.Errorf("%d open after Close", s.open.Load())
	}
}

func TestPoolInitFails(t *testing.T) {
	thrown := &Exception{Name: "Error", Message: "at top level"}
	s := new(maker)
	s.make = func(ctx context.Context, id Identity) error {
		if id.InInstance == 20 {
			return fmt.Errorf("VU %d: %w", id.InInstance, thrown)
		}
		if id.InInstance > 20 {
			<-ctx.Done() // the failure must end it: else the test hangs
		}
		return ctx.Err()
	}
	p := NewPool(s, 10_000)
	err := p.Init(t.Context())
	if e, ok := errors.AsType[*Exception](err); !ok || e != thrown {
		t.Errorf("error %v", err)
	}
	if s.open.Load() != 0 || p.Made() != 0 {
		t.Errorf("%d open, %d made", s.open.Load(), p.Made())
	}
	if n := s.ever.Load(); n > 19 {
		t.Errorf("%d VUs were made, want at most the 19 before the one that failed", n)
	}
}

func TestPoolInitCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := new(maker)
	s.make = func(ctx context.Context, id Identity) error {
		if id.InInstance == 10 {
			cancel()
			return &Interrupted{Cause: context.Canceled}
		}
		return nil
	}
	p := NewPool(s, 10_000)
	if err := p.Init(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if s.open.Load() != 0 || s.ever.Load() == 10_000 {
		t.Errorf("%d open of %d made", s.open.Load(), s.ever.Load())
	}
}

// Init works on all cores: with one it would wait for ever.
func TestPoolInitIsParallel(t *testing.T) {
	cores := runtime.GOMAXPROCS(0)
	var together sync.WaitGroup
	together.Add(cores)
	s := new(maker)
	s.make = func(_ context.Context, id Identity) error {
		if id.InInstance <= uint64(cores) {
			together.Done()
			together.Wait()
		}
		return nil
	}
	p := NewPool(s, 100)
	if err := p.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Close()
}

func TestPoolGrows(t *testing.T) {
	s := new(maker)
	p := NewPool(s, 4)
	p.Initial = 2
	p.Number = func(n uint64) uint64 { return 10 * n }
	if err := p.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.Made() != 2 || p.Size() != 4 {
		t.Fatalf("%d made of %d", p.Made(), p.Size())
	}
	lent := []*Member{p.Take(), p.Take()}
	if p.Take() != nil {
		t.Fatal("took a third")
	}
	broken := errors.New("broken")
	s.make = func(context.Context, Identity) error { return broken }
	if m, err := p.Grow(t.Context()); m != nil || err != broken {
		t.Errorf("grew by %+v, %v", m, err)
	}
	s.make = nil
	for n := uint64(3); n <= 4; n++ { // the place that stayed empty is the first to be filled
		m, err := p.Grow(t.Context())
		if want := (Identity{InInstance: n, InTest: 10 * n}); err != nil || m.ID != want || m.VU == nil {
			t.Fatalf("grew by %+v, %v, want %v", m, err, want)
		}
		lent = append(lent, m)
	}
	if m, err := p.Grow(t.Context()); m != nil || err != ErrFull {
		t.Errorf("grew by %+v, %v", m, err)
	}
	for _, m := range lent {
		p.Put(m)
	}
	p.Close()
	if p.Made() != 0 || s.open.Load() != 0 || s.ever.Load() != 4 {
		t.Errorf("%d made, %d open of %d", p.Made(), s.open.Load(), s.ever.Load())
	}
}

// Members go round in turn, however many are lent meanwhile.
func TestPoolTakesTurns(t *testing.T) {
	p := NewPool(new(maker), 3)
	if err := p.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for round := range 10 {
		for n := range uint64(3) {
			m := p.Take()
			if m == nil || m.ID.InInstance != n+1 {
				t.Fatalf("round %d: took %+v, want %d", round, m, n+1)
			}
			p.Put(m)
		}
	}
}

func TestPoolServesInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(new(maker), 1)
		if err := p.Init(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		m := p.Take()
		var served []int
		var wg sync.WaitGroup
		impatient, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			if _, err := p.Get(impatient); err != context.Canceled {
				t.Errorf("error %v", err)
			}
		})
		synctest.Wait()
		for i := range 3 {
			wg.Go(func() {
				m, err := p.Get(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				served = append(served, i)
				p.Put(m)
			})
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		p.Put(m)
		wg.Wait()
		if fmt.Sprint(served) != "[0 1 2]" {
			t.Errorf("served in the order %v", served)
		}
	})
}

// lived is a VU that knows how far it has come.
type lived struct {
	VU
	fail     error
	setUp    int
	tornDown int
	hang     bool
}

func (v *lived) Setup(context.Context) error {
	if v.fail != nil {
		return v.fail
	}
	v.setUp++
	return nil
}

func (v *lived) Teardown(ctx context.Context) error {
	v.tornDown++
	if v.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return v.fail
}

func (v *lived) Close() {}

type lifeScript struct{ Script }

func (lifeScript) NewVU(context.Context, Identity) (VU, error) { return new(lived), nil }

func TestPoolTeardown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		thrown := &Exception{Name: "Error", Message: "no"}
		p := NewPool(lifeScript{}, 6)
		p.Initial = 5
		if err := p.Init(t.Context()); err != nil {
			t.Fatal(err)
		}
		var members []*Member
		for m := p.Take(); m != nil; m = p.Take() {
			members = append(members, m)
		}
		vus := func(i int) *lived { return members[i].VU.(*lived) }
		vus(1).fail = thrown
		for _, m := range members[:4] { // the fifth never worked
			if err := m.Setup(t.Context()); (err == nil) != m.IsSetUp() {
				t.Errorf("VU %d: %v, set up: %v", m.ID.InInstance, err, m.IsSetUp())
			}
		}
		if err := members[0].Setup(t.Context()); err != nil || vus(0).setUp != 1 {
			t.Errorf("set up %d times, %v", vus(0).setUp, err)
		}
		vus(2).fail = thrown
		vus(3).hang = true
		for _, m := range members {
			p.Put(m)
		}
		var mu sync.Mutex
		var errs []error
		begin := time.Now()
		p.Teardown(t.Context(), 3*time.Second, func(err error) {
			mu.Lock()
			errs = append(errs, err)
			mu.Unlock()
		})
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
		if len(errs) != 2 || errs[0] != error(thrown) || errs[1] != context.DeadlineExceeded {
			t.Errorf("reported %v", errs)
		}
		for i, want := range []int{1, 0, 1, 1, 0} {
			if got := vus(i).tornDown; got != want {
				t.Errorf("VU %d was torn down %d times, want %d", i+1, got, want)
			}
		}
		p.Close()
	})
}

func TestPoolReplaceForgetsSetup(t *testing.T) {
	p := NewPool(lifeScript{}, 1)
	if err := p.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	m := p.Take()
	if err := m.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Replace(t.Context(), m); err != nil || m.IsSetUp() {
		t.Errorf("%v, set up: %v", err, m.IsSetUp())
	}
	if err := m.Setup(t.Context()); err != nil || m.VU.(*lived).setUp != 1 {
		t.Errorf("%v, set up %d times", err, m.VU.(*lived).setUp)
	}
	p.Put(m)
}

// Taking a VU and putting it back.
func BenchmarkPool(b *testing.B) {
	p := NewPool(new(maker), 1000)
	if err := p.Init(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.Put(p.Take())
	}
	p.Close()
}
