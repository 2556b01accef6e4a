package summary

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/threshold"
	"github.com/swarmload/swarm/engine/timeline"
)

func TestBuild(t *testing.T) {
	s := Build(shop(t))
	if s.Passed {
		t.Error("passed")
	}
	if diff := cmp.Diff([]string{"the script threw 17 errors", "3 of 7 thresholds failed"}, s.Reasons); diff != "" {
		t.Errorf("reasons differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Check{
		{Group: "::browse", Name: "status is 200", Passes: 10_000},
		{Group: "::checkout::pay", Name: "order is confirmed", Passes: 490, Fails: 10},
	}, s.Checks); diff != "" {
		t.Errorf("checks differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"::browse", "::checkout", "::checkout::pay"}, s.Groups); diff != "" {
		t.Errorf("groups differ (-want +got):\n%s", diff)
	}
	var count uint64
	for _, r := range s.Requests {
		count += r.Count
	}
	if len(s.Requests) != 2 || count != s.Total.Count || count != 10_523 {
		t.Errorf("%d requests in rows, %d in all; want 10523", count, s.Total.Count)
	}
	if pay := s.Requests[1]; pay.Method != "POST" || pay.Name != "pay" || pay.Count != 522 || pay.Failed != 22.0/522 || pay.Max != 40+499/2.5 {
		t.Errorf("row of pay: %+v", pay)
	}
	if s.Iterations != 10_000 || s.Interrupted != 3 || s.DataReceived != 10_523*12_345 || s.DataSent != 10_523*678 {
		t.Errorf("totals: %+v", s)
	}
	wantErrors := []ErrorGroup{
		{Kind: "http", Message: "503 from POST pay", Count: 22, First: 90 * time.Second, Last: 180 * time.Second},
		{Kind: "exception", Message: "TypeError: order is undefined", File: "checkout.js", Line: 44, Column: 9, Count: 17, First: 72 * time.Second, Last: 72 * time.Second},
		{Kind: "http", Message: "dial: connection refused (1212) from GET /items", Count: 1, First: 90 * time.Second, Last: 180 * time.Second},
	}
	if diff := cmp.Diff(wantErrors, s.Errors); diff != "" {
		t.Errorf("errors differ (-want +got):\n%s", diff)
	}
	var names []string
	for _, m := range s.Metrics {
		names = append(names, m.Name)
	}
	want := []string{"basket_size", "checks", "data_received", "data_sent", "errors", "group_duration", "http_req_duration",
		"http_req_duration{name:pay}", "http_req_failed", "http_reqs", "iteration_duration", "iterations", "price", "script_errors",
		"vus_max", "wait_time", `wait_time{step:"a, b"}`}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("metrics differ (-want +got):\n%s", diff)
	}
}

func TestVerdict(t *testing.T) {
	ok := threshold.Verdict{Name: "a", OK: true}
	bad := threshold.Verdict{Name: "b"}
	quiet := threshold.Verdict{Name: "script_errors", OK: true, Default: true}
	thrown := threshold.Verdict{Name: "script_errors", Observed: 1, Default: true}
	for _, c := range []struct {
		in      Input
		passed  bool
		reasons []string
	}{
		{Input{}, true, []string{}},
		{Input{Verdicts: []threshold.Verdict{ok, quiet}}, true, []string{}},
		{Input{Verdicts: []threshold.Verdict{ok, bad, quiet}}, false, []string{"1 of 2 thresholds failed"}},
		{Input{Verdicts: []threshold.Verdict{ok, thrown}}, false, []string{"the script threw 1 error"}},
		{Input{Ended: "stopped by the user"}, true, []string{"stopped by the user"}},
		{Input{Failed: true}, false, []string{"the run could not be completed"}},
		{Input{Failed: true, Ended: "runner died", Verdicts: []threshold.Verdict{bad}}, false, []string{"runner died", "1 of 1 threshold failed"}},
	} {
		s := Build(c.in)
		if s.Passed != c.passed || !slices.Equal(s.Reasons, c.reasons) {
			t.Errorf("%+v: passed %v, %q; want %v, %q", c.in, s.Passed, s.Reasons, c.passed, c.reasons)
		}
	}
}

// TestTagsLeftOut builds from series that lack the tags rows are made of.
// Rates are of the time in which there was load.
func TestPausedRun(t *testing.T) {
	r := record(t)
	for i := range 60 {
		r.at(time.Duration(i) * time.Second)
		r.request("GET", "/", "200", 10, false)
		r.add(metric.Iterations, 1)
	}
	r.at(time.Minute)
	in := r.input(`{}`)
	in.Duration, in.Paused = 50*time.Second, 20*time.Second
	s := Build(in)
	count := s.Metrics[slices.IndexFunc(s.Metrics, func(m Metric) bool { return m.Name == metric.HTTPReqs })]
	if s.Total.Rate != 2 || s.Requests[0].Rate != 2 || count.Values["rate"] != 2 || s.Load() != 30*time.Second {
		t.Errorf("rates %g, %g, %g", s.Total.Rate, s.Requests[0].Rate, count.Values["rate"])
	}
	var text, md strings.Builder
	if err := errors.Join(WriteText(&text, s, Style{Width: 100}), WriteMarkdown(&md, s)); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{text.String(), md.String()} {
		if !strings.Contains(out, "50.0s (paused for 20.0s)") || !strings.Contains(out, "2/s") {
			t.Error(out)
		}
	}
	if in.Paused = time.Hour; Build(in).Total.Rate != 0 { // what cannot be
		t.Error("a rate of no time")
	}
}

func TestTagsLeftOut(t *testing.T) {
	r := record(t)
	r.add(metric.HTTPReqs, 2)
	r.add(metric.HTTPReqFailed, 1)
	r.add(metric.HTTPReqs, 1, "url", "http://h/a", "method", "GET")
	r.add(metric.HTTPReqFailed, 1, "url", "http://h/a", "method", "GET", "status", "0", "error_code", "1050")
	r.add(metric.Checks, 1)
	r.at(time.Second)
	s := Build(r.input(`{"systemTags":[]}`))
	if len(s.Requests) != 2 || s.Requests[0].Count != 2 || s.Requests[1].Name != "http://h/a" {
		t.Errorf("requests: %+v", s.Requests)
	}
	if len(s.Errors) != 2 || s.Errors[0].Message != "no response" || s.Errors[1].Message != "no response (1050) from GET http://h/a" {
		t.Errorf("errors: %+v", s.Errors)
	}
	if len(s.Checks) != 1 || s.Checks[0] != (Check{Passes: 1}) {
		t.Errorf("checks: %+v", s.Checks)
	}
}

func TestHandleSummaryData(t *testing.T) {
	type object = map[string]any
	var data struct {
		RootGroup handleGroup `json:"root_group"`
		Options   object
		State     object
		Metrics   map[string]struct {
			Type, Contains string
			Values         map[string]float64
			Thresholds     map[string]object
		}
		SetupData object `json:"setup_data"`
	}
	raw := HandleSummaryData(Build(shop(t)), []byte(`{"token":"t"}`))
	if err := json.Unmarshal(raw, &data); err != nil {
		t.Fatal(err)
	}
	check := func(name, path, id string, passes, fails uint64) handleCheck {
		return handleCheck{Name: name, Path: path, ID: id, Passes: passes, Fails: fails}
	}
	none := []handleCheck{}
	want := handleGroup{ID: "d41d8cd98f00b204e9800998ecf8427e", Checks: none, Groups: []handleGroup{
		{Name: "browse", Path: "::browse", ID: groupID("::browse"), Groups: []handleGroup{},
			Checks: []handleCheck{check("status is 200", "::browse::status is 200", groupID("::browse::status is 200"), 10_000, 0)}},
		{Name: "checkout", Path: "::checkout", ID: groupID("::checkout"), Checks: none, Groups: []handleGroup{
			{Name: "pay", Path: "::checkout::pay", ID: groupID("::checkout::pay"), Groups: []handleGroup{},
				Checks: []handleCheck{check("order is confirmed", "::checkout::pay::order is confirmed", groupID("::checkout::pay::order is confirmed"), 490, 10)}},
		}},
	}}
	if diff := cmp.Diff(want, data.RootGroup); diff != "" {
		t.Errorf("root_group differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(object{"token": "t"}, data.SetupData); diff != "" {
		t.Errorf("setup_data differs (-want +got):\n%s", diff)
	}
	for _, none := range []string{"", "{", "\xff"} {
		if raw := HandleSummaryData(Build(shop(t)), []byte(none)); !json.Valid(raw) || bytes.Contains(raw, []byte("setup_data")) {
			t.Errorf("setup data %q gives %s", none, raw)
		}
	}
	if data.State["testRunDurationMs"] != 180_000.0 || data.Options["noColor"] != true {
		t.Errorf("state %v, options %v", data.State, data.Options)
	}
	pay := data.Metrics["http_req_duration{name:pay}"]
	if pay.Type != "trend" || pay.Contains != "time" || pay.Values["max"] != 239.6 || len(pay.Values) != 6 {
		t.Errorf("http_req_duration{name:pay}: %+v", pay)
	}
	if diff := cmp.Diff(map[string]object{"p(95) < 200": {"ok": false}, "max<5000": {"ok": true}}, pay.Thresholds); diff != "" {
		t.Errorf("thresholds differ (-want +got):\n%s", diff)
	}
	for name, want := range map[string]map[string]float64{
		"checks":          {"rate": 10_490.0 / 10_500, "passes": 10_490, "fails": 10},
		"iterations":      {"count": 10_000, "rate": 10_000.0 / 180},
		"basket_size":     {"value": 3, "min": 3, "max": 3},
		"http_req_failed": {"rate": 23.0 / 10_523, "passes": 23, "fails": 10_500},
	} {
		if diff := cmp.Diff(want, data.Metrics[name].Values); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", name, diff)
		}
	}
	if data.Metrics["data_sent"].Contains != "data" || data.Metrics["checks"].Contains != "default" {
		t.Error("contains is wrong")
	}
}

// k6 always tells how long the expected responses took, and scripts read it.
func TestExpectedResponses(t *testing.T) {
	r := record(t)
	r.request("GET", "/", "200", 5, false, "expected_response", "true")
	r.request("GET", "/", "503", 70, true, "expected_response", "false")
	r.at(time.Second)
	var data handleData
	if err := json.Unmarshal(HandleSummaryData(Build(r.input(`{}`)), nil), &data); err != nil {
		t.Fatal(err)
	}
	if m := data.Metrics["http_req_duration{expected_response:true}"]; m.Type != "trend" || m.Values["max"] != 5 {
		t.Errorf("got %+v", m)
	}
	if m := data.Metrics["http_req_duration"]; m.Values["max"] != 70 {
		t.Errorf("all responses: %+v", m)
	}
}

// TestGroupTreeOfOddPaths keeps every check, whatever scripts put in the tag.
func TestGroupTreeOfOddPaths(t *testing.T) {
	r := record(t)
	odd := []string{"", "a", "::", "::a::b::c", "::a:::b", ":::", "::::", "::a"}
	for _, group := range odd {
		r.add(metric.Checks, 1, "group", group, "check", "c")
	}
	r.at(time.Second)
	s := Build(r.input(""))
	found := 0
	var walk func(g handleGroup)
	walk = func(g handleGroup) {
		found += len(g.Checks)
		for _, below := range g.Groups {
			walk(below)
		}
	}
	walk(groupTree(s))
	if found != len(s.Checks) || found != len(odd) {
		t.Errorf("%d of %d checks are in the tree", found, len(s.Checks))
	}
}

// Of what a timeline had no room for the user is told once.
func TestFoldedSeriesAreTold(t *testing.T) {
	r := metric.NewRegistry(metric.Options{Start: time.Unix(1, 0), MaxSeries: 5000})
	line := timeline.New(time.Unix(1, 0), timeline.Options{MaxBytes: 100_000, Recent: time.Second})
	told := func() int {
		notes := Build(Input{Timeline: line}).Notes
		return strings.Count(strings.Join(notes, "\n"), "too many series")
	}
	if told() != 0 {
		t.Error("told of nothing")
	}
	for second := range 90 {
		for i := range 100 {
			tags := metric.NewTags(metric.Tag{Key: "name", Value: fmt.Sprint(second, "/", i)})
			r.Recorder(0).Record(r.Series(r.Lookup(metric.HTTPReqDuration), tags), float64(i))
		}
		line.Add("a", r.Snapshot(time.Unix(int64(second+2), 0)))
	}
	if line.Folded() == 0 || told() != 1 {
		t.Errorf("%d folded, told %d times", line.Folded(), told())
	}
}

// BenchmarkBuild summarises a run at the cap of series.
func BenchmarkBuild(b *testing.B) {
	r := metric.NewRegistry(metric.Options{Shards: 1})
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range 2_500 {
		tags := metric.NewTags(metric.Tag{Key: "method", Value: "GET"}, metric.Tag{Key: "name", Value: fmt.Sprint("/page/", i)})
		for _, name := range []string{metric.HTTPReqs, metric.HTTPReqDuration, metric.HTTPReqFailed} {
			series := r.Series(r.Lookup(name), tags)
			for v := range 20 {
				r.Recorder(0).Record(series, float64(1+v*v))
			}
		}
	}
	set := metric.NewSet()
	if err := set.Merge("a", r.Snapshot(start)); err != nil {
		b.Fatal(err)
	}
	p, err := plan.Parse(nil, plan.Overrides{}, plan.Source{Exports: []string{"default"}})
	if err != nil {
		b.Fatal(err)
	}
	in := Input{Started: start, Duration: time.Minute, Plan: p, Set: set}
	b.ReportAllocs()
	for b.Loop() {
		if s := Build(in); len(s.Requests) != 2_500 {
			b.Fatal(len(s.Requests))
		}
	}
}

func TestNotes(t *testing.T) {
	r := record(t)
	r.add(metric.HTTPReqs, 1)
	r.add(metric.HTTPReqRetries, 3)
	r.at(time.Second)
	in := r.input(`{}`)
	in.Scenarios = []Scenario{{Name: "default", Interrupted: 2}}
	notes := strings.Join(Build(in).Notes, "\n")
	for _, want := range []string{"sent a second time: 3 requests", "no iteration came to its end"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes %q, want %q", notes, want)
		}
	}
	in.Scenarios[0].Interrupted = 0
	if notes := Build(in).Notes; len(notes) != 1 {
		t.Errorf("notes %q, want one", notes)
	}
}

// TestRequestsCutOff: of requests that the end of the test cut off, no time is
// known, which is told if there were no others.
func TestRequestsCutOff(t *testing.T) {
	r := record(t)
	r.add(metric.HTTPReqs, 1, "status", "200", "error_code", metric.CutOff)
	r.add(metric.HTTPReqs, 1, "status", "0", "error_code", metric.CutOff)
	r.at(time.Second)
	in := r.input(`{}`)
	in.Scenarios = []Scenario{{Name: "default", Interrupted: 2}}
	want := "no response came to its end before the test did: how long 2 requests would have taken is not known"
	if notes := Build(in).Notes; len(notes) != 1 || notes[0] != want {
		t.Errorf("notes %q, want %q", notes, want)
	}
	in.Faults = []string{"none was answered"}
	if notes := Build(in).Notes; len(notes) != 0 {
		t.Errorf("notes %q beside what says more", notes)
	}
	r.add(metric.HTTPReqs, 1, "status", "200")
	r.at(2 * time.Second)
	in.Faults, in.Set = nil, r.input(`{}`).Set
	if notes := Build(in).Notes; len(notes) != 1 || notes[0] == want {
		t.Errorf("notes %q of a run with a response", notes)
	}
}
