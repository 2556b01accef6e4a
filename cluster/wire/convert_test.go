package wire

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/sandbox/bundle"
	"google.golang.org/protobuf/proto"
)

func TestPlanRoundTrip(t *testing.T) {
	want := &plan.Plan{
		Scenarios:    []plan.Scenario{{Name: "a", Executor: plan.RampingVUs, Stages: []plan.Stage{{Duration: time.Second, Target: 3}}, Env: map[string]string{"A": "1"}}},
		Thresholds:   []plan.Threshold{{Metric: "m", Filter: map[string]string{"k": "v"}, Expression: "p(95)<200", DelayAbortEval: time.Minute}},
		SetupTimeout: time.Minute,
		Tags:         map[string]string{"k": "v"},
		HTTP:         plan.HTTP{Hosts: map[string]string{"a": "b"}},
	}
	data, err := FromPlan(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ToPlan(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if _, err := ToPlan([]byte("{")); err == nil {
		t.Error("half a plan was accepted")
	}
}

func TestBundleRoundTrip(t *testing.T) {
	want := &bundle.Bundle{
		Entry: "a.js", Code: []byte("code"), Map: []byte("map"), Hash: "abc",
		Sources: map[string][]byte{"a.js": []byte("x"), "b\xff.js": []byte("y")},
	}
	data, err := proto.Marshal(FromBundle(want))
	if err != nil {
		t.Fatal(err)
	}
	m := new(Bundle)
	if err := proto.Unmarshal(data, m); err != nil {
		t.Fatal(err)
	}
	got, err := ToBundle(m)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	m.Sources = append(m.Sources, m.Sources[0])
	if _, err := ToBundle(m); err == nil {
		t.Error("a source that comes twice was accepted")
	}
}

func TestExceptionRoundTripAndBounds(t *testing.T) {
	want := &vu.Exception{Name: "TypeError", Message: "x is undefined", Stack: []vu.Frame{{Function: "f", File: "a.js", Line: 3, Column: 4}}}
	if got := ToException(FromException(want)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if FromException(nil) != nil || ToException(nil) != nil {
		t.Error("nil became something")
	}
	huge := &vu.Exception{Name: strings.Repeat("ü", 1e6), Message: strings.Repeat("m", 1e7), Stack: make([]vu.Frame, 1e5)}
	huge.Stack[0] = vu.Frame{File: strings.Repeat("f", 1e6), Line: -5}
	m := FromException(huge)
	if size := proto.Size(m); size > 16<<10 {
		t.Errorf("a huge exception takes %d bytes", size)
	}
	if _, err := proto.Marshal(FromException(&vu.Exception{Message: "\xff"})); err != nil {
		t.Error(err)
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abcdef", 5, "ab…"}, {"äöü", 5, "ä…"}, {"äöü", 4, "…"},
	} {
		got := Shorten(c.in, c.n)
		if got != c.want || len(got) > c.n || !utf8.ValidString(got) {
			t.Errorf("Shorten(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}
