package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
)

// The conformance suite of links: each test runs over every implementation.

// dialogue speaks the protocol with a runner by hand.
type dialogue struct {
	t    *testing.T
	link Link
	conn *wire.Conn
	id   uint64
}

func converse(t *testing.T, connect connect) *dialogue {
	t.Helper()
	link, err := connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return &dialogue{t: t, link: link, conn: wire.NewConn(link, wire.CoordinatorLimits)}
}

func (d *dialogue) send(m *wire.Message) {
	d.t.Helper()
	d.id++
	m.Id = d.id
	if err := d.conn.Write(m); err != nil {
		d.t.Fatal(err)
	}
}

// next returns the next message that is a greeting or an answer.
func (d *dialogue) next() *wire.Message {
	d.t.Helper()
	for {
		m, err := d.conn.Read()
		if err != nil {
			d.t.Fatal(err)
		}
		if m.GetHello() != nil || m.GetAnswer() != nil {
			return m
		}
	}
}

func (d *dialogue) greet() *wire.Hello {
	d.t.Helper()
	d.send(&wire.Message{Body: &wire.Message_Hello{Hello: wire.NewHello(wire.RoleCoordinator)}})
	return d.next().GetHello()
}

// load brings a fake up to its inspection.
func (d *dialogue) load(f *fake) *wire.Answer {
	d.t.Helper()
	b, err := testBundle()
	if err != nil {
		d.t.Fatal(err)
	}
	described, err := json.Marshal(map[string]any{"Options": "{}", "Do": f.Do, "Exports": f.Exports})
	if err != nil {
		d.t.Fatal(err)
	}
	d.send(&wire.Message{Body: &wire.Message_Load{Load: &wire.Load{
		Bundle: wire.FromBundle(b), Epoch: 5, Env: map[string][]byte{fakeVariable: described},
	}}})
	return d.next().GetAnswer()
}

func (d *dialogue) goodbye() {
	d.t.Helper()
	d.send(&wire.Message{Body: &wire.Message_Goodbye{Goodbye: &wire.Goodbye{}}})
}

// ends checks that the runner is gone and how.
func (d *dialogue) ends(want string) {
	d.t.Helper()
	_, err := io.Copy(io.Discard, d.link)
	if err != nil && !errors.Is(err, os.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
		d.t.Errorf("stream ended with %v", err)
	}
	got := fmt.Sprint(d.link.Wait())
	if !strings.Contains(got, want) {
		d.t.Errorf("ended with %q, want %q", got, want)
	}
	d.link.Close()
	d.link.Close() // again is harmless
	d.link.Kill()
	if got := fmt.Sprint(d.link.Wait()); !strings.Contains(got, want) {
		d.t.Errorf("Wait changed its mind: %q", got)
	}
}

func TestLinkGoodbye(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		d := converse(t, connect)
		if h := d.greet(); h.GetRole() != wire.RoleRunner || h.GetMaxVersion() != wire.MaxVersion {
			t.Errorf("greeted with %v", h)
		}
		if a := d.load(&fake{}); a.GetInspection() == nil {
			t.Errorf("answered %v", a)
		}
		d.goodbye()
		d.ends("nil")
	})
}

func TestLinkKill(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		d := converse(t, connect)
		d.greet()
		d.link.Kill()
		d.link.Kill()
		d.ends("") // differs: a process says by which signal
	})
}

// A runner whose coordinator is gone ends what it does.
func TestLinkStreamBreaks(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		d := converse(t, connect)
		d.greet()
		d.load(&fake{Do: map[string]string{"iteration": "hang"}})
		p, err := json.Marshal(map[string]any{
			"scenarios": []any{map[string]any{"name": "a", "executor": "constant-vus", "exec": "default", "vus": 3, "duration": int64(time.Hour)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		d.send(&wire.Message{Body: &wire.Message_Prepare{Prepare: &wire.Prepare{Plan: p}}})
		if f := d.next().GetAnswer().GetFailure(); f != nil {
			t.Fatal(f)
		}
		d.send(&wire.Message{Body: &wire.Message_Start{Start: &wire.Start{}}})
		for { // until it runs
			m, err := d.conn.Read()
			if err != nil {
				t.Fatal(err)
			}
			if m.GetStatus() != nil {
				break
			}
		}
		d.link.Close()
		if err := d.link.Wait(); err == nil {
			t.Error("the runner ended as if all were well")
		}
	})
}

// A coordinator that does not read for a while holds the runner up, no more.
func TestLinkBackpressure(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		d := converse(t, connect)
		d.greet()
		b, err := testBundle()
		if err != nil {
			t.Fatal(err)
		}
		// Each answer is larger than what a pipe holds.
		options := `{"x": "` + strings.Repeat("y", 300<<10) + `"}`
		described, err := json.Marshal(map[string]any{"Options": options})
		if err != nil {
			t.Fatal(err)
		}
		d.send(&wire.Message{Body: &wire.Message_Load{Load: &wire.Load{
			Bundle: wire.FromBundle(b), Env: map[string][]byte{fakeVariable: described},
		}}})
		for range 1000 { // the runner takes all this although it cannot write
			d.send(&wire.Message{Body: &wire.Message_Ack{Ack: &wire.Ack{Epoch: 1, Seq: 1}}})
		}
		if got := d.next().GetAnswer().GetInspection(); string(got.GetOptions()) != options {
			t.Errorf("%d bytes of options arrived", len(got.GetOptions()))
		}
		d.goodbye()
		d.ends("nil")
	})
}

// A runner does not trust its peer either: what it cannot read ends it.
func TestLinkGarbage(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		d := converse(t, connect)
		if _, err := d.link.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if err := d.link.Wait(); err == nil {
			t.Error("the runner ended as if all were well")
		}
		d.link.Close()
	})
}

// Messages and commands of other versions are answered or ignored, in any order.
func TestRunnerOutOfOrder(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		d := converse(t, connect)
		d.send(&wire.Message{}) // of a kind nobody knows
		d.send(&wire.Message{Body: &wire.Message_Cancel{Cancel: &wire.Cancel{}}})
		d.send(&wire.Message{Body: &wire.Message_Stop{Stop: &wire.Stop{}}})
		d.greet()
		for _, m := range []*wire.Message{
			{Body: &wire.Message_Setup{Setup: &wire.Setup{}}},
			{Body: &wire.Message_Start{Start: &wire.Start{}}},
			{Body: &wire.Message_Teardown{Teardown: &wire.Teardown{}}},
			{Body: &wire.Message_HandleSummary{HandleSummary: &wire.HandleSummary{}}},
			{Body: &wire.Message_Prepare{Prepare: &wire.Prepare{Plan: []byte("{}")}}},
			{Body: &wire.Message_Load{}},
		} {
			d.send(m)
			if a := d.next(); a.GetAnswer().GetFailure() == nil || a.Id != d.id {
				t.Errorf("%T: answered %v", m.Body, a)
			}
		}
		d.goodbye()
		d.ends("nil")
	})
}
