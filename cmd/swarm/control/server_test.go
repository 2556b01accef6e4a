package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

const token = "0123456789abcdef0123456789abcdef"

// api is a server on a real socket and a client for it.
type api struct {
	t       *testing.T
	address string
	orders  *orders
	board   *Board
	router  routers.Router

	mu   sync.Mutex
	logs []string
}

func newAPI(t *testing.T, limit limits, names ...string) *api {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &api{t: t, address: l.Addr().String(), orders: &orders{}, board: loadedBoard(t, names...)}
	a.board.now = func() time.Time { return time.Unix(0, 0) } // what was read stays fresh
	a.board.wanted = true
	a.board.Tick(tick(t, false))
	s := serve(l, Config{
		Token: token, Control: a.orders, Board: a.board,
		Stop: func() { a.orders.Stop() },
		Log: func(text string) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.logs = append(a.logs, text)
		},
	}, limit)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		s.Close()
	})
	return a
}

func (a *api) logged() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.logs
}

// specification loads docs/openapi.yaml, which must itself be valid.
func (a *api) specification() routers.Router {
	a.t.Helper()
	if a.router != nil {
		return a.router
	}
	doc, err := openapi3.NewLoader().LoadFromFile("../../../docs/openapi.yaml")
	if err != nil {
		a.t.Fatal(err)
	}
	if err := doc.Validate(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: "http://" + a.address}}
	if a.router, err = legacy.NewRouter(doc); err != nil {
		a.t.Fatal(err)
	}
	return a.router
}

func (a *api) request(method, path, body string) *http.Request {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, "http://"+a.address+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// send sends the request and reads the answer, which is JSON, whatever happens.
func (a *api) send(r *http.Request) (status int, body []byte) {
	a.t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil {
		a.t.Fatal(err)
	}
	if kind := res.Header.Get("Content-Type"); kind != "application/json" || !json.Valid(body) {
		a.t.Errorf("%s %s: %s: %q", r.Method, r.URL.Path, kind, body)
	}
	for name := range res.Header {
		if strings.HasPrefix(name, "Access-Control") {
			a.t.Errorf("%s %s: invites other origins: %s", r.Method, r.URL.Path, name)
		}
	}
	if res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Cache-Control") != "no-store" {
		a.t.Errorf("%s %s: headers %v", r.Method, r.URL.Path, res.Header)
	}
	return res.StatusCode, body
}

// do sends a request with the token and holds the answer against the
// specification, and the request too if it was accepted.
func (a *api) do(method, path, body string) (status int, answer string) {
	a.t.Helper()
	r := a.request(method, path, body)
	status, text := a.send(r)
	route, params, err := a.specification().FindRoute(a.request(method, path, body))
	if err != nil {
		if status == http.StatusOK {
			a.t.Errorf("%s %s is not in the specification: %v", method, path, err)
		}
		return status, string(text)
	}
	in := &openapi3filter.RequestValidationInput{
		Request: a.request(method, path, body), PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}
	if err := openapi3filter.ValidateRequest(a.t.Context(), in); err != nil && status == http.StatusOK {
		a.t.Errorf("%s %s %s was accepted against the specification: %v", method, path, body, err)
	}
	err = openapi3filter.ValidateResponse(a.t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(text)), Options: in.Options,
	})
	if err != nil {
		a.t.Errorf("%s %s: the answer is not as specified: %v", method, path, err)
	}
	return status, string(text)
}

func TestAnswersAreAsSpecified(t *testing.T) {
	a := newAPI(t, defaults, "browse", "buy", "fixed", "find")
	for _, c := range []struct {
		path string
		want []string
	}{
		{"/v1/status", []string{`"phase": "load"`, `"vusMax": 50`, `"ratePlanned": 500`, `"scalable": "rate"`, `"lag": 0.3`, `"phase": "bisect"`, `"best": 50`, `"running": true`, `"tainted": true`}},
		{"/v1/metrics", []string{`"http_reqs"`, `"count": 3`, `"http_req_duration{name:pay}"`, `"tainted": true`, `"tainted": false`, `"rate": 0.75`, `"contains": "time"`}},
		{"/v1/metrics/http_reqs", []string{`"count": 3`, `"rate": 0.3`, `"tainted": null`}},
		{"/v1/thresholds", []string{`"expression": "p(95)\u003c200"`, `"noData": true`}},
	} {
		status, body := a.do("GET", c.path, "")
		if status != http.StatusOK {
			t.Errorf("GET %s: %d %s", c.path, status, body)
		}
		for _, want := range c.want {
			if !strings.Contains(body, want) {
				t.Errorf("GET %s: no %s in\n%s", c.path, want, body)
			}
		}
	}
}

func TestBeforeTheLoad(t *testing.T) {
	a := newAPI(t, defaults)
	a.board.Phase("init")
	a.board.plan, a.board.metrics, a.board.verdicts = nil, nil, nil
	for _, path := range []string{"/v1/status", "/v1/metrics", "/v1/thresholds"} {
		if status, body := a.do("GET", path, ""); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := a.do("POST", "/v1/scale", `{"vus":3}`); status != http.StatusConflict || !strings.Contains(body, "the load has not begun") {
		t.Errorf("%d %s", status, body)
	}
}

func TestCommands(t *testing.T) {
	for _, c := range []struct {
		method, path, body string
		status             int
		answer             string
		orders             string
	}{
		{"POST", "/v1/pause", "", 200, `"done": "paused"`, "pause"},
		{"POST", "/v1/pause", "{}", 200, `"done": "paused"`, "pause"},
		{"POST", "/v1/resume", "", 200, `"done": "resumed"`, "resume"},
		{"POST", "/v1/stop", "", 200, `"done": "stopping"`, "stop"},
		{"POST", "/v1/scale", `{"scenario":"browse","vus":30}`, 200, "scaled to 30 VUs", "scale browse 30 0 0"},
		{"POST", "/v1/scale", `{"scenario":"browse","vus":30,"spawnRate":2.5}`, 200, "scaled to 30 VUs", "scale browse 30 0 2.5"},
		{"POST", "/v1/scale", `{"scenario":"buy","rate":750.5}`, 200, "scaled to 751/s", "scale buy 0 750.5 0"},
		{"POST", "/v1/scale", `{"vus":30}`, 400, "name one of browse, buy", ""},
		{"POST", "/v1/scale", `{"scenario":"brows","vus":30}`, 404, "did you mean browse?", ""},
		{"POST", "/v1/scale", `{"scenario":"buy","vus":30}`, 400, "use rate", ""},
		{"POST", "/v1/scale", `{"scenario":"browse","rate":30}`, 400, "use vus", ""},
		{"POST", "/v1/scale", `{"scenario":"browse","rate":30,"vus":3}`, 400, "not both", ""},
		{"POST", "/v1/scale", `{"scenario":"browse"}`, 400, "vus or rate is missing", ""},
		{"POST", "/v1/scale", `{"scenario":"fixed","vus":3}`, 409, "fixed number of iterations", ""},
		{"POST", "/v1/scale", `{"scenario":"browse","vus":-1}`, 400, "whole number from 0", ""},
		{"POST", "/v1/scale", `{"scenario":"browse","vus":1.5}`, 400, "whole number from 0", ""},
		{"POST", "/v1/scale", `{"scenario":"browse","vus":1e300}`, 400, "whole number from 0", ""},
		{"POST", "/v1/scale", `{"scenario":"buy","rate":5e8}`, 400, "rate must be a number from 0 to 10,000,000", ""},
		{"POST", "/v1/scale", `{"scenario":"browse","vus":1000001}`, 400, "vus must be a whole number from 0 to 1,000,000", ""},
		{"POST", "/v1/scale", `{"scenario":"browse","vus":1e999}`, 400, "bad JSON", ""},
		{"POST", "/v1/scale", `{"scenario":"buy","rate":-1}`, 400, "rate must be", ""},
		{"POST", "/v1/scale", `{"scenario":"buy","rate":1,"spawnRate":1}`, 400, "spawnRate is of VUs", ""},
		{"POST", "/v1/scale", `{"scenario":"browse","vus":1,"spawnRate":0}`, 400, "above 0", ""},
		{"POST", "/v1/scale", `{"scenario":"browse","vus":"3"}`, 400, "vus must be a number, got a string", ""},
		{"POST", "/v1/scale", `{"scenario":"browse","vuss":3}`, 400, `unknown field`, ""},
		{"POST", "/v1/scale", `[]`, 400, "the body must be an object", ""},
		{"POST", "/v1/scale", `{"scenario":"browse","vus":3} x`, 400, "more after", ""},
		{"POST", "/v1/scale", `{`, 400, "bad JSON", ""},
		{"POST", "/v1/scale", `{"scenario":"browse","vus":3,"vus":30}`, 400, `\"vus\" is given twice`, ""},
		{"POST", "/v1/scale", `{"scenario":"browse","vus":3,"VUS":30}`, 400, `\"VUS\" is given twice`, ""},
		{"PATCH", "/v1/status", `{"data":{"type":"status","attributes":{"stopped":false,"stopped":true}}}`, 400, `\"stopped\" is given twice`, ""},
		{"POST", "/v1/pause", `{"now":true}`, 400, `unknown field`, ""},
		{"PATCH", "/v1/status", `{"data":{"type":"status","id":"default","attributes":{"paused":true}}}`, 200, `"paused": true`, "pause"},
		{"PATCH", "/v1/status", `{"data":{"attributes":{"paused":false}}}`, 200, `"paused": false`, ""},
		{"PATCH", "/v1/status", `{"data":{"attributes":{"stopped":true}}}`, 200, `"phase"`, "stop"},
		{"PATCH", "/v1/status", `{"data":{"attributes":{}}}`, 400, "none of paused, vus, stopped", ""},
		{"PATCH", "/v1/status", `{"data":{"type":"metrics","attributes":{"paused":true}}}`, 400, "must be", ""},
		{"PATCH", "/v1/status", `{"data":{"attributes":{"vus":3,"paused":true}}}`, 400, "several scenarios can be scaled", ""},
		{"PATCH", "/v1/status", `{"data":{"attributes":{"vus-max":3,"paused":true}}}`, 409, "vus-max cannot be changed", ""},
		{"GET", "/v1/metrics/http_req", "", 404, "did you mean http_reqs?", ""},
		{"GET", "/v1/metrics/", "", 404, "no metric", ""},
		{"GET", "/v1/statu", "", 404, "did you mean /v1/status?", ""},
		{"GET", "/", "", 404, "there are /v1/metrics", ""},
		{"GET", "/v1/../v1/pause", "", 404, "there is no", ""},
		{"GET", "/v1/pause", "", 405, "use POST", ""},
		{"POST", "/v1/status", "", 405, "use GET, PATCH", ""},
		{"OPTIONS", "/v1/pause", "", 405, "use POST", ""},
		{"DELETE", "/v1/metrics/http_reqs", "", 405, "use GET", ""},
	} {
		a := newAPI(t, defaults, "browse", "buy", "fixed")
		status, body := a.do(c.method, c.path, c.body)
		if status != c.status || !strings.Contains(body, c.answer) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, status, body)
		}
		if strings.Contains(body, `"hint": ""`) {
			t.Errorf("%s %s %s: an empty hint: %s", c.method, c.path, c.body, body)
		}
		if got := a.orders.taken(); got != c.orders {
			t.Errorf("%s %s %s: ordered %q, want %q", c.method, c.path, c.body, got, c.orders)
		}
	}
}

// TestPatchScales: k6's scale names no scenario, and need not where there is one.
func TestPatchScales(t *testing.T) {
	a := newAPI(t, defaults, "browse", "fixed")
	status, body := a.do("PATCH", "/v1/status", `{"data":{"type":"status","id":"default","attributes":{"vus":30,"vus-max":50,"paused":true}}}`)
	if got := a.orders.taken(); status != 200 || got != "scale browse 30 0 0, pause" || !strings.Contains(body, `"vus": 30`) {
		t.Errorf("%d %s\nordered %q", status, body, got)
	}
}

func TestControlsRefusalIsAConflict(t *testing.T) {
	a := newAPI(t, defaults, "browse")
	a.orders.refuse(errors.New("the load has ended"))
	for _, c := range [][2]string{{"/v1/pause", ""}, {"/v1/resume", ""}, {"/v1/scale", `{"vus":3}`}} {
		if status, body := a.do("POST", c[0], c[1]); status != http.StatusConflict || !strings.Contains(body, "the load has ended") {
			t.Errorf("%s: %d %s", c[0], status, body)
		}
	}
}

// TestMetricsAreReadWhenAsked: not each second for nobody, and never older
// than a tick.
func TestMetricsAreReadWhenAsked(t *testing.T) {
	b := loadedBoard(t, "browse")
	if b.metrics != nil {
		t.Error("read although nobody asked")
	}
	got := make(chan int)
	go func() { got <- len(b.Metrics(t.Context())) }()
	for wanted := false; !wanted; time.Sleep(time.Millisecond) {
		b.mu.Lock()
		wanted = b.wanted
		b.mu.Unlock()
	}
	b.Tick(tick(t, false))
	if n := <-got; n < 4 {
		t.Errorf("%d metrics", n)
	}
	go func() { got <- len(b.Metrics(t.Context())) }() // fresh: no tick is needed
	if n := <-got; n < 4 {
		t.Errorf("%d metrics", n)
	}
	b.now = func() time.Time { return time.Now().Add(time.Minute) }
	go func() { got <- len(b.Metrics(t.Context())) }()
	for wanted := false; !wanted; time.Sleep(time.Millisecond) {
		b.mu.Lock()
		wanted = b.wanted
		b.mu.Unlock()
	}
	b.Phase("teardown") // no tick will come any more
	if n := <-got; n < 4 {
		t.Errorf("%d metrics", n)
	}
}
