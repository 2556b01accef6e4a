package target_test

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/swarmload/swarm/cmd/swarm/target"
)

// send returns the status and the body of one request to s.
func send(s *target.Server, method, url, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, url, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func field(t *testing.T, w *httptest.ResponseRecorder, name string) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
		t.Fatalf("body %q: %v", w.Body, err)
	}
	s, _ := m[name].(string)
	return s
}

func TestRoutes(t *testing.T) {
	for _, c := range []struct {
		method, url, body string
		status            int
		contains          string
	}{
		{"GET", "/", "", 200, "swarm target"},
		{"GET", "/health", "", 200, `"ok"`},
		{"GET", "/items", "", 200, `"name":"apple"`},
		{"HEAD", "/items", "", 200, ""},
		{"DELETE", "/items", "", 405, ""},
		{"GET", "/items/3", "", 200, `"id":3`},
		{"GET", "/items/99", "", 404, "no such item"},
		{"GET", "/items/x", "", 404, "no such item"},
		{"GET", "/items/1/2", "", 404, "no such page"},
		{"GET", "//items", "", 404, "no such page"},
		{"GET", "/login", "", 405, ""},
		{"POST", "/login", `{"user":"ada","password":"wrong"}`, 401, "password"},
		{"POST", "/login", `{`, 400, "cannot be read"},
		{"GET", "/orders", "", 401, "Bearer"},
		{"GET", "/redirect/0", "", 200, "arrived"},
		{"GET", "/redirect/51", "", 400, "from 0 to 50"},
		{"GET", "/status/418", "", 418, "teapot"},
		{"GET", "/status/99", "", 400, "from 200"},
		{"PUT", "/echo?a=1", "hello", 200, `"body":"hello"`},
		{"POST", "/echo", strings.Repeat("x", 2<<20), 413, "over 1 MiB"},
		{"GET", "/nowhere", "", 404, "no such page"},
	} {
		w := send(target.New(target.Options{}), c.method, c.url, c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.contains) {
			t.Errorf("%s %s: status %d, body %.80q; want %d and %q", c.method, c.url, w.Code, w.Body, c.status, c.contains)
		}
	}
}

func TestOrdersNeedTheTokenOfTheLogin(t *testing.T) {
	s := target.New(target.Options{Seed: 7})
	login := send(s, "POST", "/login", `{"user":"ada","password":"demo"}`)
	token := field(t, login, "token")
	if login.Code != 200 || token == "" {
		t.Fatalf("login: %d %s", login.Code, login.Body)
	}
	bearer := "Bearer " + token
	if w := send(s, "POST", "/orders", `{"item":2,"quantity":3}`, "Authorization", bearer); w.Code != 201 {
		t.Errorf("order: %d %s", w.Code, w.Body)
	}
	if w := send(s, "POST", "/orders", `{"item":200}`, "Authorization", bearer); w.Code != 422 {
		t.Errorf("order of an unknown item: %d", w.Code)
	}
	for _, headers := range [][]string{
		{"Authorization", bearer},
		{"Cookie", strings.SplitN(login.Header().Get("Set-Cookie"), ";", 2)[0]},
	} {
		w := send(s, "GET", "/orders", "", headers...)
		var got []target.Order
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if want := []target.Order{{ID: 1, User: "ada", Item: 2, Quantity: 3}}; !cmp.Equal(got, want) {
			t.Errorf("orders with %s: %s", headers[0], cmp.Diff(want, got))
		}
	}
	other := target.New(target.Options{Seed: 8})
	for _, bad := range []string{bearer, "Bearer " + token + "00", "Bearer x.y", "Bearer "} {
		if w := send(other, "GET", "/orders", "", "Authorization", bad); w.Code != 401 {
			t.Errorf("%q was accepted by another server", bad)
		}
	}
}

func TestOrdersAreBounded(t *testing.T) {
	s := target.New(target.Options{})
	bearer := "Bearer " + field(t, send(s, "POST", "/login", `{"user":"ada","password":"demo"}`), "token")
	for range 1000 {
		send(s, "POST", "/orders", `{"item":1}`, "Authorization", bearer)
	}
	var got []target.Order
	json.Unmarshal(send(s, "GET", "/orders", "", "Authorization", bearer).Body.Bytes(), &got)
	if len(got) != 20 || got[0].ID != 1000 || got[19].ID != 981 {
		t.Errorf("got %d orders, want the latest 20, newest first: %+v", len(got), got)
	}
}

func TestCountsLeaveTheCounterOut(t *testing.T) {
	s := target.New(target.Options{})
	for range 3 {
		send(s, "GET", "/items", "")
	}
	send(s, "GET", "/items/1", "")
	send(s, "GET", "/items/99", "")
	send(s, "POST", "/items", "")
	send(s, "PURGE", "/nowhere", "")
	send(s, "GET", "/count", "")
	want := target.Counts{
		Total: 7,
		Routes: map[string]uint64{
			"GET /items": 3, "GET /items/{id}": 2, "POST /items": 1, "OTHER (unknown)": 1,
		},
		Statuses: map[string]uint64{"200": 4, "404": 2, "405": 1},
	}
	if got := s.Counts(); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	var got target.Counts
	json.Unmarshal(send(s, "GET", "/count", "").Body.Bytes(), &got)
	if !cmp.Equal(got, want) {
		t.Error("/count:", cmp.Diff(want, got))
	}
	send(s, "POST", "/reset", "")
	if got := s.Counts(); got.Total != 0 || len(got.Routes)+len(got.Statuses) != 0 {
		t.Errorf("after reset: %+v", got)
	}
}

func TestCookiesAndRedirects(t *testing.T) {
	s := target.New(target.Options{})
	web := httptest.NewServer(s)
	defer web.Close()
	set := send(s, "GET", "/cookies/set?a=1", "")
	if got := set.Header().Get("Set-Cookie"); set.Code != 302 || got != "a=1; Path=/" {
		t.Errorf("set: %d %q", set.Code, got)
	}
	if got := field(t, send(s, "GET", "/cookies", "", "Cookie", "a=1"), "a"); got != "1" {
		t.Errorf("cookie a is %q", got)
	}
	r, err := http.Get(web.URL + "/redirect/3")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if n := s.Counts().Routes["GET /redirect/{n}"]; r.StatusCode != 200 || n != 4 {
		t.Errorf("status %d after %d requests, want 200 after 4", r.StatusCode, n)
	}
}

func TestFaultsAreRepeatable(t *testing.T) {
	statuses := func(seed uint64) (out []int) {
		s := target.New(target.Options{ErrorRate: 0.3, Seed: seed})
		for range 200 {
			out = append(out, send(s, "GET", "/items", "").Code)
		}
		return out
	}
	first := statuses(1)
	if !cmp.Equal(first, statuses(1)) {
		t.Error("one seed gave two sequences")
	}
	if cmp.Equal(first, statuses(2)) {
		t.Error("two seeds gave one sequence")
	}
	failed := 0
	for _, s := range first {
		if s == 503 {
			failed++
		}
	}
	if failed < 30 || failed > 90 {
		t.Errorf("%d of 200 failed, want about 60", failed)
	}
}

func TestLatencyAndStallHoldTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := target.New(target.Options{
			Latency: must(target.ParseLatency("10ms")),
			Stall:   must(target.ParseStall("1s/10s")),
		})
		start := time.Now()
		for _, want := range []time.Duration{10 * time.Millisecond, 20 * time.Millisecond} {
			send(s, "GET", "/items", "")
			if got := time.Since(start); got != want {
				t.Errorf("answered after %s, want %s", got, want)
			}
		}
		time.Sleep(9*time.Second - 20*time.Millisecond)
		send(s, "GET", "/items", "")
		if got := time.Since(start); got != 10*time.Second+10*time.Millisecond {
			t.Errorf("answered %s after the start, want after the stall", got)
		}
		send(s, "GET", "/health", "")
		if got := time.Since(start); got != 10*time.Second+10*time.Millisecond {
			t.Error("/health was slowed")
		}
	})
}

func TestLatencyDistributions(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		spec     string
		min, max time.Duration // of the mean of many draws
	}{
		{"10ms", 10 * time.Millisecond, 10 * time.Millisecond},
		{"uniform:5ms-50ms", 26 * time.Millisecond, 29 * time.Millisecond},
		{"normal:20ms,5ms", 19 * time.Millisecond, 21 * time.Millisecond},
		{"lognormal:20ms,0.5", 21 * time.Millisecond, 24 * time.Millisecond}, // mean = median × e^(s²/2)
		{"exp:10ms", 9 * time.Millisecond, 11 * time.Millisecond},
	} {
		l := must(target.ParseLatency(c.spec))
		var sum time.Duration
		const n = 10_000
		for range n {
			d := l.Draw(r)
			if d < 0 || d > time.Minute {
				t.Fatalf("%s: drew %s", c.spec, d)
			}
			sum += d
		}
		if mean := sum / n; mean < c.min || mean > c.max {
			t.Errorf("%s: mean %s, want %s to %s", c.spec, mean, c.min, c.max)
		}
	}
}

func TestLatencyRefusals(t *testing.T) {
	for _, s := range []string{"", "x", "-1ms", "2h", "uniform:5ms", "uniform:9ms-5ms", "normal:1ms", "lognormal:1ms,NaN", "pareto:1ms", "exp:", "lognormal:1ms,99"} {
		if _, err := target.ParseLatency(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
	for _, s := range []string{"", "1s", "1s/1s", "0s/1s", "x/y", "2s/1s"} {
		if _, err := target.ParseStall(s); err == nil {
			t.Errorf("stall %q was accepted", s)
		}
	}
}

func FuzzParseLatency(f *testing.F) {
	for _, s := range []string{"10ms", "uniform:5ms-50ms", "normal:20ms,5ms", "lognormal:20ms,0.5", "exp:1s", ":", "normal:,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := target.ParseLatency(s)
		if err != nil {
			return
		}
		r := rand.New(rand.NewPCG(1, 2))
		for range 10 {
			if d := l.Draw(r); d < 0 || d > time.Minute {
				t.Errorf("%q drew %s", s, d)
			}
		}
	})
}

func TestListenRefusesOtherThanLoopback(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0"} {
		if l, err := target.Listen(address, false); err == nil {
			l.Close()
			t.Errorf("%q was opened", address)
		}
	}
	if _, err := target.Listen("nonsense", true); err == nil {
		t.Error("an address without a port was accepted")
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	l, err := target.Listen("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	s := target.New(target.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l, io.Discard) }()
	r, err := http.Get("http://" + l.Addr().String() + "/health")
	if err != nil || r.StatusCode != 200 {
		t.Fatal(r, err)
	}
	r.Body.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if s.Counts().Total != 1 {
		t.Errorf("counts %+v", s.Counts())
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
