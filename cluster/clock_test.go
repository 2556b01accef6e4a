package cluster

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestDeadline(t *testing.T) {
	over := func(d *deadline) bool {
		synctest.Wait()
		select {
		case <-d.C:
			return true
		default:
			return false
		}
	}
	t.Run("moves with pauses", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := newDeadline(10 * time.Second)
			time.Sleep(4 * time.Second)
			d.hold()
			d.hold()
			time.Sleep(time.Hour)
			if over(d) {
				t.Fatal("over while held")
			}
			d.release()
			d.release()
			time.Sleep(6*time.Second - 1)
			if over(d) {
				t.Fatal("too early")
			}
			if time.Sleep(time.Nanosecond); !over(d) {
				t.Fatal("too late")
			}
		})
	})
	t.Run("is brought forward by a stop", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := newDeadline(never)
			d.hold()
			time.Sleep(time.Minute)
			d.cap(5 * time.Second)
			time.Sleep(5*time.Second - 1)
			if over(d) {
				t.Fatal("too early")
			}
			if time.Sleep(time.Nanosecond); !over(d) || d.limit != 5*time.Second {
				t.Fatalf("too late, limit %v", d.limit)
			}
		})
	})
	t.Run("is not moved back by a stop", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := newDeadline(10 * time.Second)
			time.Sleep(9 * time.Second)
			d.cap(5 * time.Second)
			if time.Sleep(time.Second); !over(d) || d.limit != 10*time.Second {
				t.Fatalf("too late, limit %v", d.limit)
			}
		})
	})
}

func TestSumDoesNotOverflow(t *testing.T) {
	if got := sum(1, 2, 3); got != 6 {
		t.Errorf("got %d", got)
	}
	if got := sum(never-1, 2, 3); got != never {
		t.Errorf("got %d", got)
	}
}
