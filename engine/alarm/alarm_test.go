package alarm

import (
	"testing"
	"time"
)

func TestAlarms(t *testing.T) {
	for name, newAlarm := range map[string]func() Alarm{"timer": NewTimer, "system": NewSystem} {
		t.Run(name, func(t *testing.T) {
			a := newAlarm()
			begin := time.Now()
			a.Set(3 * time.Millisecond)
			if !a.Wait() || time.Since(begin) < 3*time.Millisecond {
				t.Errorf("it rang after %v", time.Since(begin))
			}
			a.Set(0)
			if !a.Wait() {
				t.Error("it did not ring at once")
			}
			a.Set(time.Hour)
			a.Set(time.Millisecond) // replaces the hour, also while somebody waits
			if !a.Wait() {
				t.Error("it did not ring when set anew")
			}
			rang := 0
			done := beside(func() {
				for a.Wait() {
					rang++
				}
			})
			a.Set(Never)
			time.Sleep(2 * time.Millisecond)
			a.Stop()
			<-done
			if rang != 0 {
				t.Errorf("it rang %d times though it was set for never", rang)
			}
		})
	}
}

// beside runs f in a goroutine and returns what is closed at its end.
func beside(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	return done
}
