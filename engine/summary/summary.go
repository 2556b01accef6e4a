// Package summary turns the merged metrics of a run into what a person wants
// to know of it. Summary is plain data; text, JSON and later formats print it.
package summary

import (
	"time"

	"github.com/swarmload/swarm/engine/capacity"
	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/threshold"
	"github.com/swarmload/swarm/engine/timeline"
)

// Schema names the form of a Summary in JSON. Fields may be added to it; what
// is there keeps its name and meaning until the number changes.
const Schema = "swarm.summary/1"

// Summary is the result of a run. It is JSON-encodable and holds every number
// the printers show, so that none of them computes anything.
type Summary struct {
	Schema string `json:"schema"` // [Schema]

	Script   string        `json:"script"`
	Started  time.Time     `json:"started"`
	Duration time.Duration `json:"duration"` // of the load phase, pauses included
	Paused   time.Duration `json:"paused"`   // of Duration; rates leave it out

	Passed  bool     `json:"passed"`
	Reasons []string `json:"reasons"` // why not, or why it ended early; one lower-case line each

	Thresholds []threshold.Verdict `json:"thresholds"`
	Checks     []Check             `json:"checks"`
	Groups     []string            `json:"groups"`   // paths such as "::checkout::pay", sorted
	Requests   []Request           `json:"requests"` // by falling count
	Total      Request             `json:"total"`    // all requests together; Method and Name are empty
	Errors     []ErrorGroup        `json:"errors"`   // by falling count
	Metrics    []Metric            `json:"metrics"`  // every metric with samples, by name
	Scenarios  []Scenario          `json:"scenarios"`

	// Delays tells where the time from the intended start differs from the
	// time as measured; empty when nothing had an intended start.
	Delays []Delay `json:"delays"`
	// Generator is the health of the load generator.
	Generator Generator `json:"generator"`
	// Capacity is what each capacity scenario found.
	Capacity []capacity.Report `json:"capacity"`
	// Saved is the ID under which the run was saved, "" if it was not.
	Saved string `json:"saved"`

	Dropped      uint64  `json:"dropped"`     // iterations that were due and never began
	Iterations   uint64  `json:"iterations"`  // complete
	Interrupted  uint64  `json:"interrupted"` // cut off
	VUsMax       int     `json:"vusMax"`
	DataSent     float64 `json:"dataSent"`     // bytes
	DataReceived float64 `json:"dataReceived"` // bytes

	TrendStats []string `json:"trendStats"` // keys of the values of trends, in the order asked for
	TimeUnit   string   `json:"timeUnit"`   // "s", "ms", "us" for all times, "" for whatever suits each

	Isolation string   `json:"isolation"` // "process", "off"
	Notes     []string `json:"notes"`     // warnings worth a line: series over the cap, options without effect
}

// Delay compares one duration with its response time: from the intended start.
// Times in milliseconds.
type Delay struct {
	Metric    string  `json:"metric"`   // "http_req_duration", "iteration_duration"
	Intended  string  `json:"intended"` // "http_req_response_time", …
	P50       float64 `json:"p50"`
	P95       float64 `json:"p95"`
	P99       float64 `json:"p99"`
	Max       float64 `json:"max"`
	FromP50   float64 `json:"fromP50"` // from the intended start
	FromP95   float64 `json:"fromP95"`
	FromP99   float64 `json:"fromP99"`
	FromMax   float64 `json:"fromMax"`
	Different bool    `json:"different"` // by more than measuring explains: worth a line
}

// Generator sums up the health of the load generator.
type Generator struct {
	Known        bool          `json:"known"`
	CPU          float64       `json:"cpu"`    // mean share of its processors, 0 to 1
	CPUMax       float64       `json:"cpuMax"` // over a second
	Memory       float64       `json:"memory"` // most bytes resident
	LagP99       float64       `json:"lagP99"` // milliseconds
	LagMax       float64       `json:"lagMax"` // milliseconds
	GCMax        float64       `json:"gcMax"`  // longest pause, milliseconds
	SocketErrors uint64        `json:"socketErrors"`
	Marks        []health.Mark `json:"marks"`  // spans in which it was slow
	Marked       time.Duration `json:"marked"` // their length together
	// Doubtful says that timers were late for so long, all the time and not in
	// spans, that much of the requests' latencies may be the generator's own.
	Doubtful bool `json:"doubtful"`
}

// Check is one check by name and group.
type Check struct {
	Group  string `json:"group"`
	Name   string `json:"name"`
	Passes uint64 `json:"passes"`
	Fails  uint64 `json:"fails"`
}

// Request is one row of the table of requests: all with the same method and
// `name` tag. Times in milliseconds.
type Request struct {
	Method string  `json:"method"`
	Name   string  `json:"name"`
	Count  uint64  `json:"count"`
	Rate   float64 `json:"rate"`   // per second
	Failed float64 `json:"failed"` // share, 0 to 1
	P50    float64 `json:"p50"`
	P95    float64 `json:"p95"`
	P99    float64 `json:"p99"`
	Max    float64 `json:"max"`
}

// ErrorGroup is one kind of error: script exceptions with the same signature,
// or failed requests with the same method, name and status or error code.
type ErrorGroup struct {
	Kind    string        `json:"kind"` // "exception", "http"
	Message string        `json:"message"`
	File    string        `json:"file"` // "" when unknown
	Line    int           `json:"line"`
	Column  int           `json:"column"`
	Count   uint64        `json:"count"`
	First   time.Duration `json:"first"` // since the start of load
	Last    time.Duration `json:"last"`
}

// Metric is one metric (or threshold's sub-metric) with its statistics.
type Metric struct {
	Name string      `json:"name"` // with {filter} for a sub-metric
	Type string      `json:"type"`
	Unit metric.Unit `json:"unit"`
	// Samples is how many there were; without any all values are 0.
	Samples uint64             `json:"samples"`
	Values  map[string]float64 `json:"values"` // k6's keys: avg min med max p(90) p(95) | count rate | value min max | rate passes fails
}

// Scenario tells what one scenario did.
type Scenario struct {
	Name        string `json:"name"`
	Executor    string `json:"executor"`
	Iterations  uint64 `json:"iterations"`
	Interrupted uint64 `json:"interrupted"`
	Dropped     uint64 `json:"dropped"`
}

// Input is what Build needs.
type Input struct {
	Script     string
	Started    time.Time
	Duration   time.Duration
	Paused     time.Duration // of Duration
	Plan       *plan.Plan
	Set        *metric.Set
	Verdicts   []threshold.Verdict
	Exceptions []ErrorGroup // Kind "exception"
	Scenarios  []Scenario
	VUsMax     int
	Isolation  string
	Notes      []string
	Marks      []health.Mark
	Capacity   []capacity.Report
	// Timeline is the same as Set by time, nil when it is not known. Means over
	// time are read from it: of gauges a Set keeps no mean.
	Timeline *timeline.Timeline
	// Ended says why the run ended before its plan did, "" when it did not:
	// "stopped by the user", "threshold … aborted the run", "runner died: …".
	Ended string
	// Faults are reasons why the run failed beside crossed thresholds.
	Faults []string
	// Failed makes the run fail whatever the thresholds say (a dead runner, a failed setup).
	Failed bool
}
