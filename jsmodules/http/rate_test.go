package http

import (
	"context"
	"fmt"
	nethttp "net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// However many want to begin: in no second begin more than the rate, and as many
// do.
func TestRateIsExact(t *testing.T) {
	for _, tt := range []struct{ n, users int }{{1, 1}, {1, 5}, {7, 3}, {50, 20}, {1000, 4}, {3000, 40}} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			r := newRate(int64(tt.n), func() time.Duration { return time.Since(start) }, nil)
			var mu sync.Mutex
			var begun []time.Duration
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second-time.Nanosecond)
			defer cancel()
			var wg sync.WaitGroup
			for range tt.users {
				wg.Go(func() {
					for r.wait(ctx) {
						mu.Lock()
						begun = append(begun, time.Since(start))
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			check(t, tt.n, begun)
			if len(begun) != 5*tt.n && len(begun) != 5*tt.n+1 { // gaps are whole nanoseconds
				t.Errorf("%d requests began in 5 s at %d/s", len(begun), tt.n)
			}
		})
	}
}

// check complains when more than n began within a second.
func check(t interface{ Errorf(string, ...any) }, n int, begun []time.Duration) {
	slices.Sort(begun)
	for i := n; i < len(begun); i++ {
		if d := begun[i] - begun[i-n]; d < time.Second {
			t.Errorf("%d requests began within %v, with a rate of %d/s", n+1, d, n)
			return
		}
	}
}

// It holds whenever sleepers wake.
func TestRateOfLateSleepers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "rate")
		now := time.Duration(0)
		r := newRate(int64(n), func() time.Duration { return now }, nil)
		var begun []time.Duration
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			now += time.Duration(rapid.Int64Range(0, int64(2*time.Second)/int64(n)).Draw(t, "pause"))
			d := r.begin()
			if d == 0 {
				begun = append(begun, now)
				continue
			}
			now += d
			if d = r.begin(); d != 0 {
				t.Fatalf("after the wait it was told to wait for another %v", d)
			}
			begun = append(begun, now)
		}
		check(t, n, begun)
	})
}

// Those that were held up together do not begin together.
func TestRateAfterAStall(t *testing.T) {
	now := time.Duration(0)
	r := newRate(10, func() time.Duration { return now }, nil)
	for i := range 10 {
		now = time.Duration(i) * 100 * time.Millisecond
		if d := r.begin(); d != 0 {
			t.Fatalf("request %d waits %v", i, d)
		}
	}
	now = 5 * time.Second // ten slots went by unused
	for i := range 10 {
		if d := r.begin(); d != 0 {
			t.Fatalf("request %d after the stall waits %v", i, d)
		}
	}
	if d := r.begin(); d != time.Second {
		t.Errorf("the eleventh waits %v, not a second", d)
	}
}

func TestRateOff(t *testing.T) {
	for _, n := range []int64{0, -1, maxRate, 1 << 62} {
		if newRate(n, nil, nil) != nil {
			t.Errorf("there is a limit of %d", n)
		}
	}
}

// The limit holds for redirects and batches, is no part of a timing or a
// timeout, and ends with the iteration.
func TestRequestsPerSecond(t *testing.T) {
	var mu sync.Mutex
	var seen []time.Time
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		mu.Lock()
		seen = append(seen, time.Now())
		mu.Unlock()
		if r.URL.Path == "/from" {
			nethttp.Redirect(w, r, "/to", nethttp.StatusFound)
		}
	})
	p := newPlan()
	p.HTTP.RPS = 20
	w := newWorld(t, p, "", fmt.Sprintf(`
		const u = %q;
		const rs = [http.get(u + '/from', {timeout: 40}), ...http.batch([u, u, u], {timeout: 40})];
		say(rs.map(r => r.status).join(), Math.max(...rs.map(r => r.timings.duration + r.timings.blocked)) < 45);
		for (;;) http.get(u);`, url))
	ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
	defer cancel()
	if err := w.iterate(ctx); err == nil {
		t.Error("the iteration did not end")
	}
	if got := w.heard(); fmt.Sprint(got) != "[200,200,200,200 true]" {
		t.Errorf("script said %q", got)
	}
	if n := len(seen); n > 13 || n < 6 {
		t.Errorf("%d requests in 600 ms at 20/s", n)
	}
	if n := w.value("http_reqs").Sum; int(n) != len(seen) {
		t.Errorf("%v requests were counted, the server saw %d", n, len(seen))
	}
}
