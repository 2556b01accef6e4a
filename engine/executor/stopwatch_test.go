package executor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestStopwatchStandsStillWhilePaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewStopwatch(NewClock())
		want := func(load time.Duration, paused bool) {
			t.Helper()
			if w.Now() != load || w.Paused() != paused {
				t.Errorf("at %v, paused %v; want %v, %v", w.Now(), w.Paused(), load, paused)
			}
		}
		time.Sleep(time.Hour)
		want(0, true)
		w.Resume()
		time.Sleep(3 * time.Second)
		want(3*time.Second, false)
		w.Resume() // harmless
		want(3*time.Second, false)
		w.Pause()
		time.Sleep(time.Minute)
		w.Pause() // harmless
		want(3*time.Second, true)
		w.Resume()
		time.Sleep(2 * time.Second)
		want(5*time.Second, false)
	})
}

// A reading of the clock that is older than the lap is not earlier than it.
func TestStopwatchNeverGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClock()
		w := NewStopwatch(c)
		w.Resume()
		time.Sleep(5 * time.Second)
		old := c.Now()
		w.Pause()
		time.Sleep(time.Minute)
		w.Resume()
		if got := w.lap.Load().at(old); got != 5*time.Second {
			t.Errorf("a reading from before the pause is %v", got)
		}
	})
}

func TestStopwatchAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClock()
		w := NewStopwatch(c)
		go func() { // runs 0–4, 10–13, 14–∞
			w.Resume()
			time.Sleep(4 * time.Second)
			w.Pause()
			time.Sleep(6 * time.Second)
			w.Resume()
			time.Sleep(3 * time.Second)
			w.Pause()
			time.Sleep(time.Second)
			w.Resume()
		}()
		// By load time: when the clock gets there.
		want := map[time.Duration]time.Duration{
			3 * time.Second: 3 * time.Second,
			5 * time.Second: 11 * time.Second,
			6 * time.Second: 12 * time.Second,
			8 * time.Second: 15 * time.Second,
		}
		var waiting sync.WaitGroup
		for load, clock := range want {
			waiting.Go(func() {
				if !w.Await(load, nil, nil) || c.Now() != clock || w.Now() != load {
					t.Errorf("load time %v came at %v, the stopwatch says %v; want %v", load, c.Now(), w.Now(), clock)
				}
			})
		}
		waiting.Wait()
	})
}

// A moment that comes in the instant of a pause comes after it.
func TestStopwatchAwaitWhilePaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClock()
		w := NewStopwatch(c)
		w.Resume()
		time.Sleep(2 * time.Second)
		w.Pause()
		time.AfterFunc(3*time.Second, w.Resume)
		if !w.Await(2*time.Second, nil, nil) || c.Now() != 5*time.Second {
			t.Errorf("came at %v", c.Now())
		}
	})
}

func TestStopwatchQuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClock()
		w := NewStopwatch(c)
		quit := make(chan struct{})
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if w.Running(quit) {
				t.Error("Running while paused")
			}
		})
		waiting.Go(func() {
			if w.Await(time.Hour, nil, quit) || c.Now() != time.Second {
				t.Errorf("Await returned at %v", c.Now())
			}
		})
		time.Sleep(time.Second)
		close(quit)
		waiting.Wait()
		w.Resume()
		time.Sleep(time.Second)
		if w.Await(0, nil, quit) {
			t.Error("Await goes on after quit, because the moment is past")
		}
		if !w.Running(quit) {
			t.Error("not Running after Resume")
		}
	})
}

// The caller's timer is used again, and left without a pending value.
func TestStopwatchTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewStopwatch(NewClock())
		w.Resume()
		timer := time.NewTimer(time.Hour)
		defer timer.Stop()
		for i := range 5 {
			if at := time.Duration(i) * time.Second; !w.Await(at, timer, nil) || w.Now() != at {
				t.Errorf("at %v, want %v", w.Now(), at)
			}
		}
		select {
		case <-timer.C:
			t.Error("the timer has a value left")
		default:
		}
		allocated := testing.AllocsPerRun(100, func() { w.Await(w.Now()+time.Millisecond, timer, nil) })
		if allocated != 0 {
			t.Errorf("%v allocations each", allocated)
		}
	})
}

func TestStopwatchWithDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClock()
		w := NewStopwatch(c)
		w.Resume()
		ctx, cancel := w.WithDeadline(t.Context(), 3*time.Second)
		defer cancel()
		time.Sleep(time.Second)
		w.Pause()
		time.AfterFunc(time.Second, w.Resume)
		<-ctx.Done()
		if c.Now() != 4*time.Second || !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			t.Errorf("ended at %v: %v", c.Now(), context.Cause(ctx))
		}
		parent, end := context.WithCancel(t.Context())
		child, cancel := w.WithDeadline(parent, time.Hour)
		defer cancel()
		end()
		<-child.Done()
		if c.Now() != 4*time.Second {
			t.Errorf("ended with its parent at %v", c.Now())
		}
	})
}

// However it is pressed, no waiter is forgotten and none comes early.
func TestStopwatchWakesEverybody(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		presses := rapid.SliceOfN(rapid.IntRange(0, 3000), 0, 20).Draw(rt, "ms between presses")
		moments := rapid.SliceOfN(rapid.IntRange(0, 20_000), 1, 20).Draw(rt, "ms of waiters")
		synctest.Test(t, func(t *testing.T) {
			w := NewStopwatch(NewClock())
			var waiting sync.WaitGroup
			for _, ms := range moments {
				waiting.Go(func() {
					at := time.Duration(ms) * time.Millisecond
					if !w.Await(at, nil, nil) || w.Now() < at {
						t.Errorf("awaited %v, woke at %v", at, w.Now())
					}
				})
			}
			begin := time.Now()
			var stood time.Duration
			for i, ms := range presses {
				if i%2 == 0 {
					w.Resume()
				} else {
					w.Pause()
				}
				time.Sleep(time.Duration(ms) * time.Millisecond)
				if w.Paused() {
					stood += time.Duration(ms) * time.Millisecond
				}
			}
			if got := w.Now(); got != time.Since(begin)-stood {
				t.Errorf("load time %v after %v of which %v paused", got, time.Since(begin), stood)
			}
			w.Resume()
			waiting.Wait()
			longest := time.Duration(slices.Max(moments)) * time.Millisecond
			if got := w.Now(); got < longest {
				t.Errorf("the last woke at %v, not %v", got, longest)
			}
		})
		if t.Failed() {
			rt.FailNow()
		}
	})
}

// Readers, waiters and several who press at once; the race detector watches.
func TestStopwatchConcurrently(t *testing.T) {
	w := NewStopwatch(NewClock())
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for range 2000 {
				w.Resume()
				w.Pause()
			}
		})
	}
	quit := make(chan struct{})
	for range 2 {
		all.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
				if w.Now() < 0 {
					t.Error("before the start")
				}
			}
		})
	}
	var waiters sync.WaitGroup
	for range 100 {
		waiters.Go(func() {
			w.Running(nil)
			w.Await(time.Millisecond, nil, nil)
		})
	}
	time.AfterFunc(20*time.Millisecond, func() { close(quit) })
	all.Wait()
	w.Resume()
	waiters.Wait()
	if w.Now() < time.Millisecond {
		t.Errorf("at %v", w.Now())
	}
}

func BenchmarkStopwatchNow(b *testing.B) {
	w := NewStopwatch(NewClock())
	w.Resume()
	b.ReportAllocs()
	for b.Loop() {
		w.Now()
	}
}
