package wire

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"google.golang.org/protobuf/proto"
)

// FuzzDecode feeds a Conn with what a hostile peer may send. Nothing panics,
// and memory stays in proportion to the bytes that came.
func FuzzDecode(f *testing.F) {
	add := func(messages ...*Message) {
		var b bytes.Buffer
		c := NewConn(stream{nil, &b}, CoordinatorLimits)
		for _, m := range messages {
			if err := c.Write(m); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(b.Bytes())
	}
	add(&Message{Body: &Message_Hello{Hello: NewHello(RoleRunner)}}, status("a"))
	add(&Message{Id: 3, Body: &Message_Answer{Answer: &Answer{
		Failure: &Failure{Exception: &Exception{Name: "E", Stack: []*Frame{{File: "a", Line: 1}}}}}}})
	add(&Message{Body: &Message_Delta{Delta: &Delta{Epoch: 1, Seq: 1, Snapshot: &Snapshot{
		Defs:   []*SeriesDef{{Id: 1, Name: "http_reqs", Type: 1, Tags: []string{"a", "b"}}},
		Deltas: []*SeriesDelta{{Id: 1, Count: 3, Buckets: []uint64{5, 2, 1, 2}}},
	}}}})
	add(&Message{Body: &Message_Load{Load: &Load{Bundle: &Bundle{Sources: []*Source{{Path: []byte("a")}}}}}})
	add(&Message{Body: &Message_Control{Control: &Control{Order: &Control_Scale{Scale: &Scale{Scenario: "a", Vus: 3, Rate: math.NaN()}}}}},
		&Message{Body: &Message_Control{Control: &Control{Order: &Control_Pause{Pause: &Pause{}}}}},
		&Message{Body: &Message_Consult{Consult: &Consult{Number: 1, Function: "f", Arg: []byte("{}"), Timeout: -1}}})
	add(&Message{Body: &Message_Advice{Advice: &Advice{Number: 1, Value: []byte(`{"users":1}`)}}},
		&Message{Body: &Message_Advice{Advice: &Advice{Failure: &Failure{Exception: &Exception{Message: "no"}}}}},
		&Message{Body: &Message_Ruling{Ruling: &Ruling{Kind: Ruling_ABORT, Reason: "no"}}},
		&Message{Body: &Message_Delta{Delta: &Delta{Marks: []*Mark{{From: 1, To: 2, Cause: "gc", Worst: math.Inf(1)}}}}})
	f.Add(binary.BigEndian.AppendUint32(nil, math.MaxUint32))
	f.Fuzz(func(t *testing.T, data []byte) {
		before := allocated()
		c := NewConn(stream{bytes.NewReader(data), nil}, CoordinatorLimits)
		set := metric.NewSet()
		for {
			m, err := c.Read()
			if err != nil {
				break
			}
			if a := m.GetAnswer(); a != nil {
				ToException(a.GetFailure().GetException())
				ToMetrics(a.GetInspection().GetMetrics())
			}
			if a := m.GetAdvice(); a != nil {
				ToException(a.GetFailure().GetException())
			}
			if l := m.GetLoad(); l != nil {
				ToBundle(l.GetBundle())
			}
			if p := m.GetPrepare(); p != nil {
				ToPlan(p.GetPlan())
			}
			if d := m.GetDelta(); d != nil {
				if s, err := ToSnapshot(d.GetSnapshot()); err == nil {
					set.Merge("a", s)
				}
			}
			if h := m.GetHello(); h != nil {
				if _, err := Negotiate(NewHello(RoleCoordinator), h); err != nil {
					_ = err.Error()
				}
			}
		}
		if grown := allocated() - before; grown > 4<<20+1000*uint64(len(data)) {
			t.Errorf("%d bytes allocated for %d received", grown, len(data))
		}
	})
}

// FuzzSnapshotRoundTrip holds that what can be decoded survives encoding.
func FuzzSnapshotRoundTrip(f *testing.F) {
	r := metric.NewRegistry(metric.Options{})
	traffic(r, 20)
	seed, err := proto.Marshal(FromSnapshot(r.Snapshot(time.Unix(1_700_000_000, 0))))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		m := new(Snapshot)
		if proto.Unmarshal(data, m) != nil {
			return
		}
		s, err := ToSnapshot(m)
		if err != nil {
			return
		}
		for _, def := range s.Defs {
			for key, value := range def.Tags.All() {
				if len(key) > maxTag || len(value) > maxTag {
					return // is cut
				}
			}
		}
		again, err := proto.Marshal(FromSnapshot(s))
		if err != nil {
			t.Fatal(err)
		}
		m = new(Snapshot)
		if err := proto.Unmarshal(again, m); err != nil {
			t.Fatal(err)
		}
		got, err := ToSnapshot(m)
		if err != nil {
			t.Fatal(err)
		}
		checkSame(t, got, s)
	})
}
