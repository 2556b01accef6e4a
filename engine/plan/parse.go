package plan

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/metric"
)

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
	// Check is asked about a plan that is right as far as this package can tell.
	// Its error is a *Fault that names the option, or is about the options as a
	// whole. May be nil.
	Check func(p *Plan) error
}

// Parse reads options (JSON: what the script exports, "" or "{}" when
// nothing) between the layers of o, fills defaults and checks everything. The
// error is a Problems.
func Parse(options []byte, o Overrides, src Source) (*Plan, error) {
	d, _, err := settle(options, o, src)
	if err != nil {
		return nil, err
	}
	return &d.plan, nil
}

// settle also returns the layers as one, for those who ask where a value is from.
func settle(options []byte, o Overrides, src Source) (*draft, value, error) {
	d := &draft{
		ledger:  &ledger{},
		src:     src,
		plan:    defaults(),
		places:  map[string]value{},
		aliases: map[string]Position{},
	}
	script := Layer{Options: options, Locate: src.Locate}
	root := value{node: d.stack(slices.Concat(o.Below, []Layer{script}, o.Above), len(o.Below)), to: d.ledger}
	root.from = &layer{locate: src.Locate, script: true}
	if d.count() == 0 {
		d.read(root)
		d.complete(root)
	}
	if d.count() == 0 {
		d.check(root)
	}
	if problems := d.result(); len(problems) > 0 {
		return nil, value{}, problems
	}
	return d, root, nil
}

// draft is a plan while its options are being read.
type draft struct {
	*ledger
	src  Source
	plan Plan

	short       shortcuts
	startJitter *jitter // for scenarios that name none
	segment     [2]*value
	noDataOK    bool             // for thresholds that do not say
	places      map[string]value // scenarios by name, those with problems too
	waits       []waiting
	selected    []selected          // what thresholds are on
	guesses     int                 // tags of theirs that were compared with known ones
	sockets     []socket            // that hosts name
	aliases     map[string]Position // where options were given that have another name there, by joined path
}

// jitter is a startJitter and where it was given.
type jitter struct {
	span  time.Duration
	value value
}

// alias says that what stands at path in the settled options was given as v.
func (d *draft) alias(v value, path ...string) { d.aliases[join(path)] = v.at() }

// join makes a key of a path.
func join(path []string) string { return strings.Join(path, "\x00") }

// read visits every option once.
func (d *draft) read(root value) {
	table := d.options()
	names := make([]string, 0, len(table))
	readers := make(map[string]func(value), len(table))
	for _, o := range table {
		names = append(names, o.name)
		readers[o.name] = o.read
	}
	// Before thresholds, which go by it.
	if n, given := root.get("noData"); given {
		d.readNoData(root.child("noData", n), &d.noDataOK)
	}
	root.object("", func(key string, v value) {
		if read, known := readers[key]; known {
			read(v)
			return
		}
		if isScenarioOption(key) {
			v.fail("belongs into a scenario")
			return
		}
		v.unknown("option", names)
	})
	d.readSegment()
	d.scenarios(root)
}

// complete adds what follows from the options as a whole, and checks it.
func (d *draft) complete(root value) {
	p := &d.plan
	for i := range p.Scenarios {
		d.spread(&p.Scenarios[i])
	}
	slices.SortFunc(p.Scenarios, func(a, b Scenario) int {
		return cmp.Or(cmp.Compare(a.StartTime, b.StartTime), strings.Compare(a.Name, b.Name))
	})
	d.chains()
	d.endless()
	d.checkSockets()
	whole := Plan{Scenarios: p.Scenarios}
	if n := whole.MaxVUs(); n > MaxVUs {
		scenarios, _ := root.get("scenarios")
		root.child("scenarios", scenarios).fail("scenarios that overlap need at most %s VUs together, got %s", figure.Count(MaxVUs), figure.Count(n))
	}
	if len(p.Scenarios) > 0 && p.MaxVUs() == 0 {
		own, _ := root.get("executionSegment")
		root.child("executionSegment", own).failHint("use fewer segments", "no VU of the test falls into segment %v", p.Segment)
	}
	d.searches()
	d.selectors()
	d.failOnCheck()
	d.scriptErrors()
	d.keep()
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
		InitTimeout:          60 * time.Second,
		VUSetupTimeout:       60 * time.Second,
		VUTeardownTimeout:    60 * time.Second,
		Tags:                 map[string]string{},
		SystemTags: []string{
			"proto", "subproto", "status", "method", "url", "name", "group", "check", "error",
			"error_code", "tls_version", "scenario", "service", "expected_response",
		},
		Metrics:           []string{},
		MaxSeries:         metric.DefaultMaxSeries,
		SummaryTrendStats: []string{"avg", "min", "med", "max", "p(90)", "p(95)"},
		HTTP: HTTP{
			UserAgent:    "swarm (+https://github.com/swarmload/swarm)",
			MaxRedirects: 10,
			Batch:        20,
			BatchPerHost: 6,
			Hosts:        map[string]string{},
			DNS:          defaultDNS(),
		},
		Notes: []string{},
	}
}
