package wire

import (
	"math"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// link is one direction of a connection that loses, repeats and reorders.
type link struct{ frames [][]byte }

func (l *link) send(t *rapid.T, m *Message) {
	frame, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	l.frames = append(l.frames, frame)
}

// next takes one frame off the link, nil if there is none or it was lost.
func (l *link) next(t *rapid.T) *Message {
	if len(l.frames) == 0 {
		return nil
	}
	i := rapid.IntRange(0, len(l.frames)-1).Draw(t, "which")
	frame := l.frames[i]
	switch fate := rapid.IntRange(0, 9).Draw(t, "fate"); {
	case fate < 2: // comes again
	default:
		l.frames = append(l.frames[:i], l.frames[i+1:]...)
		if fate < 5 {
			return nil // lost
		}
	}
	m, err := decode(frame)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// runnerSide is one life of a runner with its end of the protocol.
type runnerSide struct {
	registry *metric.Registry
	sender   *Sender
}

// Whatever the connection does, merged totals equal what was recorded.
func TestCountedExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			now      = time.Unix(1_700_000_000, 0)
			set      = metric.NewSet()
			up, down link
			runner   runnerSide
			receiver *Receiver
			source   string
			lives    uint64
			want     struct {
				reqs, trend, errors uint64
				sum                 float64
				buckets             map[int32]uint64
			}
			gotErrors uint64
		)
		want.buckets = map[int32]uint64{}
		// A new life begins only after the last Delta of the one before was
		// acked: what is lost with a runner is lost.
		begin := func() {
			lives++
			runner = runnerSide{metric.NewRegistry(metric.Options{}), NewSender(lives)}
			receiver = NewReceiver(lives)
			source = "runner-" + string(rune('a'+lives))
		}
		begin()
		receive := func() {
			m := up.next(t)
			if d := m.GetDelta(); d != nil {
				if receiver.Accept(d) {
					snap, err := ToSnapshot(d.GetSnapshot())
					if err != nil {
						t.Fatal(err)
					}
					if err := set.Merge(source, snap); err != nil {
						t.Fatal(err)
					}
					for _, e := range d.Exceptions {
						gotErrors += e.Count
					}
				}
				down.send(t, &Message{Body: &Message_Ack{Ack: receiver.Ack()}})
			}
		}
		acks := func() {
			if m := down.next(t); m != nil {
				runner.sender.Ack(m.GetAck(), now)
			}
		}
		record := func() {
			rec := runner.registry.Recorder(rapid.IntRange(0, 3).Draw(t, "shard"))
			tags := metric.NewTags(metric.Tag{Key: "name", Value: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "tag")})
			for range rapid.IntRange(1, 5).Draw(t, "samples") {
				v := float64(rapid.IntRange(0, 100).Draw(t, "value"))
				rec.Record(runner.registry.Series(runner.registry.Lookup(metric.HTTPReqs), tags), 1)
				rec.Record(runner.registry.Series(runner.registry.Lookup(metric.HTTPReqDuration), tags), v)
				want.reqs++
				want.trend++
				want.sum += v
				want.buckets[metric.BucketIndex(v)]++
			}
		}
		report := func() {
			now = now.Add(time.Second)
			for i, part := range Split(runner.registry.Snapshot(now), rapid.IntRange(0, 300).Draw(t, "part")) {
				d := &Delta{Snapshot: FromSnapshot(part)}
				if i == 0 {
					n := rapid.Uint64Range(0, 3).Draw(t, "errors")
					d.Exceptions = []*ExceptionDelta{{Count: n}}
					want.errors += n
				}
				runner.sender.Add(d, now)
				up.send(t, &Message{Body: &Message_Delta{Delta: d}})
			}
		}
		again := func() {
			now = now.Add(time.Second)
			for _, d := range runner.sender.Due(now, 3*time.Second) {
				up.send(t, &Message{Body: &Message_Delta{Delta: d}})
			}
		}
		settle := func() {
			report()
			for runner.sender.Pending() > 0 {
				now = now.Add(10 * time.Second)
				again()
				for range 20 {
					receive()
					acks()
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"record":  func(*rapid.T) { record() },
			"report":  func(*rapid.T) { report() },
			"receive": func(*rapid.T) { receive() },
			"acks":    func(*rapid.T) { acks() },
			"again":   func(*rapid.T) { again() },
			"restart": func(t *rapid.T) {
				if rapid.IntRange(0, 5).Draw(t, "restart") == 0 {
					settle()
					begin() // frames of the old life are still on the way
				}
			},
		})
		settle()
		if runner.sender.Last() != receiver.Last() {
			t.Fatalf("sent %d, took %d", runner.sender.Last(), receiver.Last())
		}
		reqs, _ := set.Select(metric.HTTPReqs, metric.Tags{})
		trend, _ := set.Select(metric.HTTPReqDuration, metric.Tags{})
		if reqs.Count != want.reqs || reqs.Sum != float64(want.reqs) {
			t.Fatalf("requests: %d (sum %v), want %d", reqs.Count, reqs.Sum, want.reqs)
		}
		if trend.Count != want.trend || math.Abs(trend.Sum-want.sum) > 0 || gotErrors != want.errors {
			t.Fatalf("got %d samples, sum %v, %d errors; want %d, %v, %d", trend.Count, trend.Sum, gotErrors, want.trend, want.sum, want.errors)
		}
		for index, count := range trend.Hist.Buckets() {
			if want.buckets[index] != count {
				t.Fatalf("bucket %d: %d, want %d", index, count, want.buckets[index])
			}
			delete(want.buckets, index)
		}
		if len(want.buckets) > 0 {
			t.Fatalf("buckets missing: %v", want.buckets)
		}
	})
}

func TestReceiverTellsWhyItDrops(t *testing.T) {
	r := NewReceiver(7)
	for _, c := range []struct {
		epoch, seq uint64
		want       bool
	}{
		{7, 1, true}, {7, 1, false}, {7, 3, false}, {6, 2, false}, {8, 2, false}, {7, 2, true}, {7, 0, false}, {7, 3, true},
	} {
		if got := r.Accept(&Delta{Epoch: c.epoch, Seq: c.seq}); got != c.want {
			t.Errorf("epoch %d seq %d: accepted %v", c.epoch, c.seq, got)
		}
	}
	if r.Repeated != 2 || r.Ahead != 1 || r.Foreign != 2 || r.Last() != 3 {
		t.Errorf("%+v", r)
	}
}

func TestSenderIgnoresFalseAcks(t *testing.T) {
	now := time.Unix(0, 0)
	s := NewSender(3)
	for range 4 {
		s.Add(&Delta{}, now)
	}
	for _, a := range []*Ack{{Epoch: 2, Seq: 4}, {Epoch: 3, Seq: 5}, {Epoch: 3, Seq: 0}, nil} {
		if s.Ack(a, now); s.Pending() != 4 {
			t.Errorf("ack %v was believed", a)
		}
	}
	s.Ack(&Ack{Epoch: 3, Seq: 3}, now)
	s.Ack(&Ack{Epoch: 3, Seq: 1}, now) // late
	if s.Pending() != 1 {
		t.Errorf("%d pending, want 1", s.Pending())
	}
	if due := s.Due(now.Add(time.Second), 2*time.Second); due != nil {
		t.Errorf("sent again too early: %v", due)
	}
	if due := s.Due(now.Add(2*time.Second), 2*time.Second); len(due) != 1 || due[0].Seq != 4 {
		t.Errorf("not sent again: %v", due)
	}
	if due := s.Due(now.Add(3*time.Second), 2*time.Second); due != nil {
		t.Errorf("sent again twice: %v", due)
	}
}
