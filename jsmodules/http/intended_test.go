package http

import (
	"context"
	"fmt"
	"net"
	nethttp "net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/jsmodules/http/transport"
	"github.com/swarmload/swarm/sandbox"
)

// Requests of iterations that were due at a time are measured from there too;
// others are not, and make no series for it.
func TestResponseTimeFromTheIntendedStart(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/from" {
			nethttp.Redirect(w, r, "/to", nethttp.StatusFound)
		}
	})
	w := newWorld(t, newPlan(), "", fmt.Sprintf(`http.get(%q + "/from"); http.batch([%q, %q]);`, url, url, url))
	w.run()
	if a := w.value("http_req_response_time"); a.Count != 0 {
		t.Errorf("%d samples without an intended start", a.Count)
	}
	for tags := range w.set.Series("http_req_response_time") {
		t.Errorf("a series without an intended start: %v", tags)
	}
	before := w.value("http_req_duration")
	const delay = 250 * time.Millisecond
	if err := w.vu.Iterate(t.Context(), vu.Iteration{Scenario: scenario, Scheduled: true, Delay: delay}); err != nil {
		t.Fatal(err)
	}
	after, response := w.value("http_req_duration"), w.value("http_req_response_time")
	if response.Count != 4 || after.Count-before.Count != 4 {
		t.Fatalf("%d response times of %d requests", response.Count, after.Count-before.Count)
	}
	want := after.Sum - before.Sum + 4*250
	if d := response.Sum - want; d > 0.001 || d < -0.001 {
		t.Errorf("response times add up to %v ms, want %v", response.Sum, want)
	}
	if a := w.value("http_req_response_time", "status", "302"); a.Count != 1 {
		t.Errorf("%d with the tags of the redirect", a.Count)
	}
	w.run()
	if a := w.value("http_req_response_time"); a.Count != 4 {
		t.Errorf("%d samples after an iteration without an intended start", a.Count)
	}
}

func TestSocketErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		text string // of the response's error
		own  bool
	}{
		{syscall.EMFILE, "too many open files", true},
		{syscall.ENFILE, "too many open files in system", true},
		{syscall.EADDRNOTAVAIL, "cannot assign requested address", true},
		{syscall.ENOBUFS, "no buffer space available", true},
		{&net.DNSError{Err: "socket: too many open files", Name: "h", UnwrapErr: syscall.EMFILE}, "too many open files", true},
		{syscall.ECONNREFUSED, "connection refused", false},
		{syscall.ENETUNREACH, "unreachable", false},
		{&net.DNSError{Err: "no such host", Name: "h", IsNotFound: true}, "no such host", false},
	} {
		t.Run(fmt.Sprint(c.err), func(t *testing.T) {
			f := transport.DialFailure(&net.OpError{Op: "dial", Err: &os.SyscallError{Syscall: "socket", Err: c.err}}, "h:80")
			if f.Own != c.own || !strings.Contains(f.Text, c.text) || c.own && (f.Code != transport.CodeDial || f.Hint() == "") {
				t.Errorf("got %+v", f)
			}
		})
	}
	if f := transport.IOFailure(&net.OpError{Op: "write", Err: syscall.ENOBUFS}); !f.Own {
		t.Errorf("got %+v", f)
	}
}

// A request that the generator itself could not make is counted as such, once.
func TestSocketErrorsAreCounted(t *testing.T) {
	var counted atomic.Int64
	var failing error
	w := newWorld(t, newPlan(), "", `http.get("http://127.0.0.1:9/"); http.batch(["http://127.0.0.1:9/", "http://127.0.0.1:9/"])`, func(h *sandbox.Host) {
		h.SocketError = func() { counted.Add(1) }
		h.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, failing }
	})
	for _, c := range []struct {
		err  error
		want int64
	}{{syscall.EMFILE, 3}, {syscall.ECONNREFUSED, 3}, {syscall.EADDRNOTAVAIL, 6}} {
		failing = c.err
		w.run()
		if counted.Load() != c.want {
			t.Errorf("after %v: counted %d, want %d", c.err, counted.Load(), c.want)
		}
	}
}

// Cookies and connections that vuSetup made are there in every iteration, and
// what an iteration adds to them is not there in the next.
func TestVUSetupKeepsCookiesAndConnections(t *testing.T) {
	var dials atomic.Int64
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		switch r.URL.Path {
		case "/login":
			nethttp.SetCookie(w, &nethttp.Cookie{Name: "session", Value: "s1", Path: "/", MaxAge: 3600})
			nethttp.SetCookie(w, &nethttp.Cookie{Name: "gone", Value: "1", Path: "/"})
		case "/basket":
			nethttp.SetCookie(w, &nethttp.Cookie{Name: "basket", Value: "b", Path: "/"})
			nethttp.SetCookie(w, &nethttp.Cookie{Name: "session", Value: "s2", Path: "/"})
		}
		cookies := strings.Split(r.Header.Get("Cookie"), "; ")
		slices.Sort(cookies)
		fmt.Fprint(w, strings.Join(cookies, " "))
	})
	w := newWorld(t, newPlan(),
		fmt.Sprintf(`const url = %q; exports.vuSetup = function () { http.get(url + "/login"); http.cookieJar().delete(url, "gone"); http.cookieJar().set(url, "mine", "m") };`, url),
		`say(http.get(url).body); http.get(url + "/basket"); say(http.get(url).body); http.cookieJar().delete(url, "mine"); say(http.get(url).body)`,
		func(h *sandbox.Host) {
			h.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				dials.Add(1)
				return (&net.Dialer{}).DialContext(ctx, network, addr)
			}
		})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	if err := w.vu.Setup(ctx); err != nil {
		t.Fatal(err)
	}
	cancel() // as the engine does when vuSetup is over
	for range 3 {
		if got, want := w.run(), []string{"mine=m session=s1", "basket=b mine=m session=s2", "basket=b session=s2"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if dials.Load() != 1 {
		t.Errorf("%d connections were opened, want 1", dials.Load())
	}
}

// The option metrics chooses among all that a request records.
func TestMetricsAreKept(t *testing.T) {
	url := serve(t, func(nethttp.ResponseWriter, *nethttp.Request) {})
	all := []string{"http_reqs", "http_req_duration", "http_req_blocked", "http_req_connecting", "http_req_tls_handshaking", "http_req_sending",
		"http_req_waiting", "http_req_receiving", "http_req_failed", "http_req_response_time", "data_sent", "data_received"}
	for _, keep := range [][]string{{"http_reqs"}, {"http_req_response_time", "data_sent"}, {"http_req_failed"}, {"iterations"}} {
		w := &world{t: t, set: metric.NewSet()}
		inner := newWorld(t, newPlan(), "", fmt.Sprintf(`http.get(%q); http.batch([%q])`, url, url), func(h *sandbox.Host) {
			h.Registry = metric.NewRegistry(metric.Options{Keep: keep})
			w.reg = h.Registry
		})
		if err := inner.vu.Iterate(t.Context(), vu.Iteration{Scenario: scenario, Scheduled: true, Delay: time.Millisecond}); err != nil {
			t.Fatal(err)
		}
		if err := w.set.Merge("test", w.reg.Snapshot(time.Now())); err != nil {
			t.Fatal(err)
		}
		for _, name := range all {
			samples := uint64(0)
			for _, a := range w.set.Series(name) {
				samples += max(a.Count, uint64(a.Sum))
			}
			if kept := slices.Contains(keep, name); kept != (samples > 0) {
				t.Errorf("keep %v: %d samples of %s", keep, samples, name)
			}
		}
	}
}
