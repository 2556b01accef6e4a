package target_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/swarmload/swarm/cmd/swarm/target"
)

func TestEvents(t *testing.T) {
	for _, c := range []struct {
		query, last string
		status      int
		want        string
	}{
		{"?count=2&interval=0s", "", 200, "id: 1\ndata: {\"n\":1}\n\nid: 2\ndata: {\"n\":2}\n\n"},
		{"?count=1&lines=2&event=price&retry=1500ms", "", 200, "retry: 1500\n\nid: 1\nevent: price\ndata: event 1, line 1\ndata: event 1, line 2\n\n"},
		{"?count=3&interval=0s", "2", 200, "id: 3\ndata: {\"n\":3}\n\n"},
		{"?count=0", "", 200, ""},
		{"?count=3", "3", 204, ""},
		{"?count=3", "x", 400, "there is no event"},
		{"?count=x", "", 400, "the parameter count"},
		{"?interval=2m", "", 400, "the parameter interval"},
		{"?event=a%0Ab", "", 400, "the parameter event"},
		{"?cuont=1", "", 400, "unknown parameter"},
	} {
		w := send(target.New(target.Options{}), "GET", "/sse"+c.query, "", "Last-Event-ID", c.last)
		if w.Code != c.status || c.status == 200 && w.Body.String() != c.want || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s after %q: status %d, body %q; want %d and %q", c.query, c.last, w.Code, w.Body, c.status, c.want)
		}
		if kind := w.Header().Get("Content-Type"); c.status == 200 && kind != "text/event-stream" {
			t.Errorf("%s: Content-Type is %q", c.query, kind)
		}
	}
}

// The first event comes at once, each further one after the interval, and none
// when the client has gone.
func TestEventsTakeTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := target.New(target.Options{})
		begin := time.Now()
		send(s, "POST", "/sse?count=5&interval=1s", "")
		if took := time.Since(begin); took != 4*time.Second {
			t.Errorf("took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "/sse?interval=1s", nil).WithContext(ctx))
		if n := strings.Count(w.Body.String(), "data:"); n != 2 {
			t.Errorf("%d events", n)
		}
		if c := s.Counts(); c.Routes["GET /sse"] != 1 || c.Routes["POST /sse"] != 1 || c.Statuses["200"] != 2 {
			t.Errorf("counts %+v", c)
		}
	})
}
