package alarm

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

// TestSleepersWakeInOrder lets sleepers of random lengths, some of which give
// up, wake in fake time: each at its time, but for the breath between groups.
func TestSleepersWakeInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lengths := rapid.SliceOfN(rapid.IntRange(1, 50), 1, 60).Draw(rt, "milliseconds")
		patience := rapid.SliceOfN(rapid.IntRange(1, 80), len(lengths), len(lengths)).Draw(rt, "patience")
		synctest.Test(t, func(*testing.T) {
			s := NewSleepers(NewTimer())
			begin := time.Now()
			var (
				all  sync.WaitGroup
				mu   sync.Mutex
				late []time.Duration
			)
			for i, ms := range lengths {
				all.Go(func() {
					length, limit := time.Duration(ms)*time.Millisecond, time.Duration(patience[i])*time.Millisecond+time.Microsecond
					done := make(chan struct{})
					timer := time.AfterFunc(limit, func() { close(done) })
					defer timer.Stop()
					var b Bed
					for range 2 { // a bed is used again
						woke := s.Sleep(&b, length, done)
						now := time.Since(begin)
						select {
						case <-done:
							if !woke && now < limit {
								rt.Errorf("gave up after %v, not %v", now, limit)
							}
							return
						default:
						}
						if !woke {
							rt.Errorf("not woken, though nothing was done")
						}
						mu.Lock()
						late = append(late, now%time.Millisecond)
						mu.Unlock()
					}
				})
			}
			all.Wait()
			s.Close()
			if len(late) > 0 && slices.Max(late) > time.Duration(len(lengths))*breath {
				rt.Errorf("woken up to %v late", slices.Max(late))
			}
			if len(s.beds) > 0 {
				rt.Errorf("%d still in bed", len(s.beds))
			}
		})
	})
}

// TestSleepersWakeFewAtATime finds the sleepers of one instant woken in groups.
func TestSleepersWakeFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSleepers(NewTimer())
		begin := time.Now()
		var mu sync.Mutex
		groups := map[time.Duration]int{}
		var all sync.WaitGroup
		const many = 100
		for range many {
			all.Go(func() {
				s.Sleep(new(Bed), time.Second, nil)
				mu.Lock()
				groups[time.Since(begin)]++
				mu.Unlock()
			})
		}
		all.Wait()
		s.Close()
		sum := 0
		for at, n := range groups {
			sum += n
			if n > s.batch || at < time.Second || (at-time.Second)%breath != 0 {
				t.Errorf("%d woken after %v", n, at)
			}
		}
		if sum != many || len(groups) != (many+s.batch-1)/s.batch {
			t.Errorf("%d woken in %d groups", sum, len(groups))
		}
	})
}

// TestSleepersClose wakes who sleeps, and serves who comes later, on the
// system's alarm.
func TestSleepersClose(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := NewSleepers(NewSystem())
	woken := beside(func() { s.Sleep(new(Bed), time.Hour, nil) })
	var b Bed
	if !s.Sleep(&b, time.Millisecond, nil) {
		t.Error("not woken")
	}
	ended := make(chan struct{})
	close(ended)
	if s.Sleep(&b, time.Hour, ended) {
		t.Error("slept for an hour")
	}
	for {
		s.mu.Lock()
		asleep := len(s.beds)
		s.mu.Unlock()
		if asleep == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	s.Close()
	<-woken
	if !s.Sleep(&b, time.Millisecond, nil) || s.Sleep(&b, time.Hour, ended) {
		t.Error("closed sleepers do not keep time")
	}
}

func BenchmarkSleepers(b *testing.B) {
	s := NewSleepers(NewSystem())
	defer s.Close()
	for range 10_000 {
		go s.Sleep(new(Bed), time.Hour, nil)
	}
	done := make(chan struct{})
	close(done)
	var bed Bed
	b.ReportAllocs()
	for b.Loop() {
		s.Sleep(&bed, time.Minute, done)
	}
}

// lateAlarm is one that rings late: the processor is short.
type lateAlarm struct {
	Alarm
	by time.Duration
}

func (a lateAlarm) Set(d time.Duration) { a.Alarm.Set(max(d, 0) + a.by) }

// Where every alarm comes late sleepers are late too, but not later and later:
// as many are woken as become due.
func TestSleepersAreNotLaterAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSleepers(lateAlarm{NewTimer(), 5 * time.Millisecond})
		var all sync.WaitGroup
		const many, length, times = 1000, 100 * time.Millisecond, 20
		var mu sync.Mutex
		worst := time.Duration(0)
		for i := range many {
			all.Go(func() {
				time.Sleep(time.Duration(i) * length / many)
				var b Bed
				for range times {
					begin := time.Now()
					s.Sleep(&b, length, nil)
					mu.Lock()
					worst = max(worst, time.Since(begin)-length)
					mu.Unlock()
				}
			})
		}
		time.Sleep(length * times / 2)
		if late := s.Late(); late <= 0 {
			t.Errorf("nobody is late, though every alarm is")
		}
		all.Wait()
		s.Close()
		if worst > 60*time.Millisecond {
			t.Errorf("slept up to %v longer", worst)
		}
		if late := s.Late(); late != 0 {
			t.Errorf("%v late with nobody asleep", late)
		}
	})
}
