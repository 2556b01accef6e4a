package jsmodules_test

import (
	"context"
	"errors"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/vu"
)

// What fails beside the script is told with the place that began it.
func TestAsyncFailuresTellTheirPlace(t *testing.T) {
	for name, c := range map[string]struct {
		code string
		line int
	}{
		"throw":     {"\nhttp.asyncRequest('GET', 'http://127.0.0.1:9/', null, {throw: true})", 2},
		"in async":  {"\nreturn (async () => {\nawait null;\nawait http.asyncRequest('GET', 'http://127.0.0.1:9/', null, {throw: true}) })()", 4},
		"bad input": {"\n\nhttp.asyncRequest('GET', 'http://127.0.0.1:9/', null, {nothing: 1})", 3},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(nil)
			w.host.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }
			v := w.vu(t, "import http from 'k6/http'; export default function(){"+c.code+"\n}")
			e := wantException(t, v.Iterate(t.Context(), vu.Iteration{Scenario: scenario}), "")
			if len(e.Stack) == 0 || e.Stack[0].Line != c.line || e.Stack[0].File != "script.js" {
				t.Errorf("%v at %+v, want line %d", e, e.Stack, c.line)
			}
			for _, l := range w.lines {
				if strings.Contains(l.Text, "failed") && (l.At.Line != c.line || l.At.File != "script.js") {
					t.Errorf("%q at %+v, want line %d", l.Text, l.At, c.line)
				}
			}
			if name != "bad input" && len(w.lines) == 0 {
				t.Error("nothing was logged")
			}
		})
	}
}

// A request beside the script bears the group and the tags of where it was begun.
func TestAsyncRequestsBearTheirGroup(t *testing.T) {
	s := httptest.NewServer(nethttp.HandlerFunc(func(nethttp.ResponseWriter, *nethttp.Request) {}))
	t.Cleanup(s.Close)
	w := newWorld(nil)
	w.host.Dial = (&net.Dialer{}).DialContext
	err := w.run(t, `import http from 'k6/http'; import exec from 'k6/execution';`, `
		const one = group("outer", () => http.asyncRequest("GET", "`+s.URL+`/a"));
		exec.vu.tags.later = "yes";
		group("other", () => http.get("`+s.URL+`/b"));
		const two = group("async", async () => { await one; return (await fetch("`+s.URL+`/c")).status });
		return two;`)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"/a": "::outer", "/b": "::other", "/c": "::async"}
	seen := 0
	for tags, a := range w.series(t, metric.HTTPReqs) {
		for path, group := range want {
			if strings.Contains(tags, "name="+s.URL+path) {
				seen += int(a.Sum)
				if !strings.Contains(tags, "group="+group+",") {
					t.Errorf("%s bears %s, want the group %s", path, tags, group)
				}
				if strings.Contains(tags, "later=yes") != (path != "/a") {
					t.Errorf("%s bears %s", path, tags)
				}
			}
		}
	}
	if seen != 3 {
		t.Errorf("%d requests were counted, want 3", seen)
	}
}
