package cluster

import (
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/vu"
	"pgregory.net/rapid"
)

func thrown(message string, line int) *vu.Exception {
	return &vu.Exception{Name: "Error", Message: message, Stack: []vu.Frame{{File: "a.js", Line: line, Column: 1}}}
}

// However many kinds there are and however they are reported, no exception is
// lost, and neither side grows beyond its bounds.
func TestExceptionsAreCountedWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		began := time.Unix(1000, 0)
		book := newExceptionBook()
		total := uint64(0)
		for range rapid.IntRange(1, 4).Draw(t, "runners") {
			log := newExceptionLog()
			log.start(began)
			kinds := rapid.IntRange(1, 1000).Draw(t, "kinds")
			places := rapid.IntRange(1, 200).Draw(t, "places")
			for i := range rapid.IntRange(0, 2000).Draw(t, "exceptions") {
				log.add("scenario", thrown(fmt.Sprint("message ", i%kinds), i%places), began.Add(time.Duration(i)*time.Millisecond))
				total++
				if i%500 == 0 {
					book.merge(log.take())
				}
			}
			book.merge(log.take())
			if again := log.take(); len(again) != 0 {
				t.Fatalf("taken twice: %v", again)
			}
			if n := len(log.order); n > maxKinds+maxPlaces+1 {
				t.Fatalf("%d groups on a runner", n)
			}
		}
		if n := len(book.order); n > maxBookKinds+1 {
			t.Fatalf("%d groups on the coordinator", n)
		}
		got := uint64(0)
		for _, g := range book.summarise() {
			got += g.Count
			if g.First > g.Last {
				t.Fatalf("first %v after last %v", g.First, g.Last)
			}
		}
		if got != total {
			t.Fatalf("%d counted of %d", got, total)
		}
	})
}

func TestExceptionsOfManyRunnersMerge(t *testing.T) {
	began := time.Unix(1000, 0)
	book := newExceptionBook()
	for runner := range 3 {
		log := newExceptionLog()
		log.start(began)
		for i := range 5 {
			log.add("buy", thrown("boom", 7), began.Add(time.Duration(runner+i)*time.Second))
			log.add("browse", thrown("boom", 7), began.Add(time.Minute))
		}
		log.add("buy", thrown("boom", 8), began)
		book.merge(log.take())
	}
	groups := book.summarise()
	if len(groups) != 2 || groups[0].Count != 30 || groups[0].First != 0 || groups[0].Last != time.Minute || groups[1].Line != 8 {
		t.Errorf("%+v", groups)
	}
	var told []Exception
	book.tell(false, func(e Exception) { told = append(told, e) })
	if len(told) != 3 || told[0].Count != 15 || told[0].Last != 6*time.Second {
		t.Errorf("told %+v", told)
	}
	book.tell(true, func(e Exception) { t.Errorf("told again without change: %+v", e) })
	book.merge([]*wire.ExceptionDelta{{Scenario: "buy", Exception: wire.FromException(thrown("boom", 8)), Count: 1}})
	book.tell(false, func(e Exception) { t.Errorf("told too early: %+v", e) })
	told = nil
	book.tell(true, func(e Exception) { told = append(told, e) })
	if len(told) != 1 || told[0].Count != 4 {
		t.Errorf("told %+v", told)
	}
}

func TestExceptionLogIsConcurrent(t *testing.T) {
	log := newExceptionLog()
	log.start(time.Unix(0, 0))
	var adding sync.WaitGroup
	for g := range 8 {
		adding.Go(func() {
			for i := range 500 {
				log.add("s", thrown(fmt.Sprint(g, i%3), 1), time.Unix(1, 0))
			}
		})
	}
	got := uint64(0)
	count := func() {
		for _, d := range log.take() {
			got += d.Count
		}
	}
	for range 50 {
		count()
	}
	adding.Wait()
	count()
	if got != 4000 {
		t.Errorf("%d of 4000", got)
	}
}

func TestLineQueueIsBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	q := newLineQueue(now)
	const sent = 10_000
	for range sent {
		q.add(LogLine{Level: "info", Text: "\xff text"}, now)
	}
	if n := len(q.take(false)); n != logBurst {
		t.Errorf("%d lines in a burst", n)
	}
	now = now.Add(time.Second)
	for range sent {
		q.add(LogLine{Text: "again"}, now)
	}
	lines := q.take(true)
	if len(lines) != logPace+1 {
		t.Fatalf("%d lines a second later", len(lines))
	}
	want := fmt.Sprintf("%d log lines left out: the script logs more than %d lines a second", 2*sent-logBurst-logPace, logPace)
	if got := lines[logPace].Text; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if lines := q.take(true); len(lines) != 0 {
		t.Errorf("said twice: %v", lines)
	}
	q = newLineQueue(now)
	for range logBurst {
		q.add(LogLine{Text: string(make([]byte, 1<<20))}, now)
	}
	bytes := 0
	for _, l := range q.take(false) {
		bytes += len(l.Text)
	}
	if bytes > logBacklog+maxLogText {
		t.Errorf("%d bytes wait", bytes)
	}
}

func TestStatusAddsUp(t *testing.T) {
	a := engine.Status{Elapsed: 3, VUs: 1, VUsMax: 2, Scenarios: []engine.ScenarioStatus{
		{Name: "x", State: "done", Elapsed: 3, VUs: 1, VUsPlanned: 2, Started: 5, Complete: 4, Interrupted: 1, Progress: 1}}}
	b := engine.Status{Elapsed: 4, VUs: 10, VUsMax: 20, Scenarios: []engine.ScenarioStatus{
		{Name: "y", State: "waiting"},
		{Name: "x", State: "running", Elapsed: 4, VUs: 10, VUsPlanned: 20, Started: 50, Complete: 40, Interrupted: 2, Progress: 0.5}}}
	want := engine.Status{Elapsed: 4, VUs: 11, VUsMax: 22, Scenarios: []engine.ScenarioStatus{
		{Name: "x", State: "running", Elapsed: 4, VUs: 11, VUsPlanned: 22, Started: 55, Complete: 44, Interrupted: 3, Progress: 0.5},
		{Name: "y", State: "waiting"}}}
	var got engine.Status
	addStatus(&got, a)
	addStatus(&got, b)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if len(a.Scenarios) != 1 || a.Scenarios[0].VUs != 1 {
		t.Errorf("a summand changed: %+v", a)
	}
}
