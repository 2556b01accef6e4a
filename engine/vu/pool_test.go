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
