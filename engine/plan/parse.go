package plan

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/metric"
)

// Overrides are values from flags and environment that lie over the script's
// options. A nil pointer or slice means "not given". Giving any of VUs,
// Duration, Iterations or Stages replaces the script's scenarios, as in k6;
// Duration, Iterations and Stages also replace the other two.
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

// Parse reads options (JSON: what the script exports, "" or "{}" when
// nothing), lays o over them, fills defaults and checks everything. The error
// is a Problems.
func Parse(options []byte, o Overrides, src Source) (*Plan, error) {
	d := &draft{
		ledger: &ledger{locate: src.Locate},
		src:    src,
		plan:   defaults(),
	}
	root, err := decode(options)
	if err != nil {
		d.report(nil, false, "", "options "+err.Error())
		return nil, d.result()
	}
	d.read(value{node: overlay(root, o), to: d.ledger})
	d.complete()
	if problems := d.result(); len(problems) > 0 {
		return nil, problems
	}
	return &d.plan, nil
}

// draft is a plan while its options are being read.
type draft struct {
	*ledger
	src  Source
	plan Plan

	short       shortcuts
	startJitter *time.Duration // for scenarios that name none
}

// read visits every option once.
func (d *draft) read(root value) {
	if root.kind != object {
		root.fail("options must be an object, got %s", root.got())
		return
	}
	table := d.options()
	names := make([]string, 0, len(table))
	readers := make(map[string]func(value), len(table))
	for _, o := range table {
		names = append(names, o.name)
		readers[o.name] = o.read
	}
	root.object("", func(key string, v value) {
		if read, known := readers[key]; known {
			read(v)
			return
		}
		v.unknown("option", names)
	})
	d.scenarios(root)
}

// complete adds what follows from the options as a whole.
func (d *draft) complete() {
	p := &d.plan
	for i := range p.Scenarios {
		d.spread(&p.Scenarios[i])
	}
	slices.SortFunc(p.Scenarios, func(a, b Scenario) int {
		return cmp.Or(cmp.Compare(a.StartTime, b.StartTime), strings.Compare(a.Name, b.Name))
	})
	if n := p.MaxVUs(); n > MaxVUs {
		d.report([]string{"scenarios"}, false, "", "scenarios that overlap need at most "+
			figure.Count(MaxVUs)+" VUs together, got "+figure.Count(n))
	}
	d.scriptErrors()
}

// defaults returns what holds when the script says nothing.
func defaults() Plan {
	return Plan{
		Scenarios:            []Scenario{},
		Thresholds:           []Threshold{},
		Submetrics:           []Selector{},
		SetupTimeout:         60 * time.Second,
		TeardownTimeout:      60 * time.Second,
		HandleSummaryTimeout: 2 * time.Minute,
		Tags:                 map[string]string{},
		SystemTags: []string{
			"proto", "subproto", "status", "method", "url", "name", "group", "check", "error",
			"error_code", "tls_version", "scenario", "service", "expected_response",
		},
		MaxSeries:         metric.DefaultMaxSeries,
		SummaryTrendStats: []string{"avg", "min", "med", "max", "p(90)", "p(95)"},
		HTTP: HTTP{
			UserAgent:    "swarm (+https://github.com/swarmload/swarm)",
			MaxRedirects: 10,
			Batch:        20,
			BatchPerHost: 6,
			Hosts:        map[string]string{},
		},
		Notes: []string{},
	}
}
