package plan

// CONTRACT (scaffolding, replaced by the implementation; signatures stay).

import (
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// Overrides are values from flags and environment that lie over the script's
// options. A nil pointer or slice means "not given". Giving any of VUs,
// Duration, Iterations or Stages replaces the script's scenarios, as in k6.
type Overrides struct {
	VUs        *int
	Duration   *time.Duration
	Iterations *int64
	Stages     []Stage
	Tags       map[string]string

	NoSetup, NoTeardown, NoThresholds bool

	SummaryTrendStats                                                                    []string
	SummaryTimeUnit                                                                      *string
	MaxRedirects                                                                         *int
	UserAgent                                                                            *string
	Throw                                                                                *bool
	InsecureSkipTLSVerify, NoConnectionReuse, NoVUConnectionReuse, DiscardResponseBodies *bool
}

// Source describes the script the options belong to.
type Source struct {
	// Exports are the names of the functions the script exports; "default" for
	// the default export. Scenario.Exec must be one of them.
	Exports []string
	// Metrics are the custom metrics the script defined during init; a
	// threshold may name one of these or of metric.Builtin.
	Metrics []metric.Metric
	// Locate returns where the value at path stands in the script, such as
	// ["scenarios", "buy", "vus"]; the zero Position when it is not known. May be nil.
	Locate func(path []string) Position
}

// Position is a place in a source file; Line and Column start at 1, 0 is unknown.
type Position struct {
	File         string
	Line, Column int
}

// Problem is one thing wrong with the options.
type Problem struct {
	Path    string // "scenarios.buy.vus"
	Message string // one lower-case line: "must be a whole number of at least 1, got -3"
	Hint    string // "did you mean \"stages\"?"; may be empty
	At      Position
}

// Problems is the error Parse returns: all problems at once, in source order
// where known. Error gives one line each.
type Problems []Problem

// Error joins the problems, one a line.
func (p Problems) Error() string { panic("contract") }

// Parse reads options (JSON: what the script exports, "" or "{}" when
// nothing), lays o over them, fills defaults and checks everything. The error
// is a Problems.
func Parse(options []byte, o Overrides, src Source) (*Plan, error) { panic("contract") }

// MaxVUs returns the largest number of VUs the plan ever runs at once,
// scenarios that overlap in time (gracefulStop included) added up.
func (p *Plan) MaxVUs() int { panic("contract") }

// Duration returns when the last scenario must have ended, gracefulStop
// included, counted from the start of the first.
func (p *Plan) Duration() time.Duration { panic("contract") }

// Span returns how long the scenario may run from its own StartTime, without gracefulStop.
func (s *Scenario) Span() time.Duration { panic("contract") }

// Peak returns the most VUs the scenario runs at once.
func (s *Scenario) Peak() int { panic("contract") }
