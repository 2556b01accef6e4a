package jsmodules_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

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
