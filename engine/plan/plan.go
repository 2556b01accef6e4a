// Package plan turns a script's options into a Plan: every default filled in,
// every value checked, nothing left for the engine to guess.
package plan

import (
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// Plan is a whole test as the engine runs it. It is JSON-encodable: that is
// how it crosses the wire. Treat it as immutable once parsed.
type Plan struct {
	Scenarios  []Scenario  `json:"scenarios"` // sorted by StartTime, then name
	Thresholds []Threshold `json:"thresholds"`
	// Submetrics are shown in the summary without being judged: thresholds
	// with a filter and an empty list of conditions.
	Submetrics []Selector `json:"submetrics"`

	SetupTimeout         time.Duration `json:"setupTimeout"`
	TeardownTimeout      time.Duration `json:"teardownTimeout"`
	HandleSummaryTimeout time.Duration `json:"handleSummaryTimeout"`
	MinIterationDuration time.Duration `json:"minIterationDuration"`
	IterationTimeout     time.Duration `json:"iterationTimeout"` // 0: none

	NoSetup      bool `json:"noSetup"`
	NoTeardown   bool `json:"noTeardown"`
	NoThresholds bool `json:"noThresholds"`

	Tags       map[string]string `json:"tags"`       // on every sample
	SystemTags []string          `json:"systemTags"` // which of the tags we set ourselves
	MaxSeries  int               `json:"maxSeries"`

	SummaryTrendStats []string `json:"summaryTrendStats"`
	SummaryTimeUnit   string   `json:"summaryTimeUnit"` // "", "s", "ms", "us"

	HTTP HTTP `json:"http"`

	Notes []string `json:"notes"` // accepted but without effect: one line each, for the user
}

// HTTP holds the options of the HTTP client.
type HTTP struct {
	BaseURL               string `json:"baseURL"`
	UserAgent             string `json:"userAgent"`
	MaxRedirects          int    `json:"maxRedirects"`
	Batch                 int    `json:"batch"`        // at least 1
	BatchPerHost          int    `json:"batchPerHost"` // at least 1
	Throw                 bool   `json:"throw"`
	DiscardResponseBodies bool   `json:"discardResponseBodies"`
	NoConnectionReuse     bool   `json:"noConnectionReuse"`
	NoVUConnectionReuse   bool   `json:"noVUConnectionReuse"`
	NoCookiesReset        bool   `json:"noCookiesReset"`
	InsecureSkipTLSVerify bool   `json:"insecureSkipTLSVerify"`
	// Hosts maps a host in lower case ("example.com", "*.example.com",
	// "example.com:8080") to the address to dial ("127.0.0.1", "[::1]:8443").
	Hosts map[string]string `json:"hosts"`
}

// Executor names, as written in scripts.
const (
	ConstantVUs      = "constant-vus"
	SharedIterations = "shared-iterations"
	PerVUIterations  = "per-vu-iterations"
	RampingVUs       = "ramping-vus"
)

// Scenario is one workload. Fields that its Executor does not use are zero.
type Scenario struct {
	Name         string            `json:"name"`
	Executor     string            `json:"executor"`
	StartTime    time.Duration     `json:"startTime"`
	GracefulStop time.Duration     `json:"gracefulStop"`
	Exec         string            `json:"exec"`
	Env          map[string]string `json:"env"`
	Tags         map[string]string `json:"tags"`

	VUs              int           `json:"vus"`
	Duration         time.Duration `json:"duration"`         // constant-vus
	Iterations       int64         `json:"iterations"`       // *-iterations
	MaxDuration      time.Duration `json:"maxDuration"`      // *-iterations
	StartVUs         int           `json:"startVUs"`         // ramping-vus
	Stages           []Stage       `json:"stages"`           // ramping-vus
	GracefulRampDown time.Duration `json:"gracefulRampDown"` // ramping-vus

	// StartJitter spreads the first iterations of VUs that start together over
	// this span; 0 switches it off. By default 0.2 ms for each VU, at most a
	// second and a tenth of Span.
	StartJitter time.Duration `json:"startJitter"`
}

// Stage is one leg of a ramp: reach Target at the end of Duration.
type Stage struct {
	Duration time.Duration `json:"duration"`
	Target   int           `json:"target"`
}

// Threshold is one condition on one metric.
type Threshold struct {
	Metric         string            `json:"metric"` // without the tag filter
	Filter         map[string]string `json:"filter"`
	Expression     string            `json:"expression"` // "p(95)<200", as the script wrote it
	AbortOnFail    bool              `json:"abortOnFail"`
	DelayAbortEval time.Duration     `json:"delayAbortEval"`
	Default        bool              `json:"default"` // not written by the user: script_errors
	Type           metric.Type       `json:"type"`    // of the metric
	Unit           metric.Unit       `json:"unit"`    // of the metric
}

// Selector names the series of a metric that have the tags of Filter.
type Selector struct {
	Metric string            `json:"metric"`
	Filter map[string]string `json:"filter"`
}
