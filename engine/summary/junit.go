package summary

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/inert"
)

// The elements of a JUnit report, in the order and with the attributes that
// both the schema of Ant's task and that of Jenkins' plug-in demand.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Package    string          `xml:"package,attr"`
		ID         int             `xml:"id,attr"`
		Name       string          `xml:"name,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Hostname   string          `xml:"hostname,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Time       string          `xml:"time,attr"` // seconds
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
		Out        string          `xml:"system-out"`
		Err        string          `xml:"system-err"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit prints s as a JUnit report, which CI systems show as tests: one
// for the run, one for each threshold and one for each check. A check that
// failed once is a failed test, whether or not it fails the run.
func WriteJUnit(w io.Writer, s *Summary) error {
	took := figure.Fixed(s.Duration.Seconds(), 3)
	suite := junitSuite{
		Package:   "swarm",
		Name:      cmp.Or(safe(s.Script), "swarm"),
		Timestamp: s.Started.UTC().Format("2006-01-02T15:04:05"),
		Hostname:  "localhost",
		Time:      took,
		Properties: []junitProperty{
			{"requests", fmt.Sprint(s.Total.Count)},
			{"iterations", fmt.Sprint(s.Iterations)},
			{"vus", fmt.Sprint(s.VUsMax)},
		},
	}
	add := func(class, name string, f *junitFailure) {
		c := junitCase{Name: name, Class: class, Time: "0.000", Failure: f}
		if len(suite.Cases) == 0 {
			c.Time = took // all of it belongs to the run
		}
		suite.Cases = append(suite.Cases, c)
		suite.Tests++
		if f != nil {
			suite.Failures++
		}
	}
	var run *junitFailure
	if !s.Passed {
		var reasons []string
		for _, r := range s.Reasons {
			reasons = append(reasons, safe(r))
		}
		run = &junitFailure{Message: strings.Join(reasons, "; "), Type: "run", Text: strings.Join(reasons, "\n")}
	}
	add("run", suite.Name, run)
	for _, v := range s.Thresholds {
		if v.Default && v.OK {
			continue // nobody asked for it
		}
		name := safe(v.Name) + " " + Condition(v)
		var f *junitFailure
		if !v.OK {
			message := strings.TrimSuffix(Observed(v, s.TimeUnit)+", "+joined(Margin(v), Window(v), aborted(v)), ", ")
			f = &junitFailure{Message: message, Type: "threshold", Text: name + ": " + message}
		}
		add("thresholds", name, f)
	}
	for _, c := range s.Checks {
		class := "checks"
		if group := groupName(c.Group); group != "" {
			class += " › " + group
		}
		var f *junitFailure
		if c.Fails > 0 {
			message := fmt.Sprintf("failed %s of %s", figure.Count(c.Fails), figure.Counted(float64(c.Passes)+float64(c.Fails), "time"))
			f = &junitFailure{Message: message, Type: "check", Text: safe(c.Name) + ": " + message}
		}
		add(class, safe(c.Name), f)
	}
	var out, bad strings.Builder
	if err := WriteText(&out, s, Style{Width: 100}); err != nil {
		return err
	}
	for _, e := range s.Errors {
		fmt.Fprintf(&bad, "%s × %s  %s  %s\n", figure.Count(e.Count), safe(e.Message), place(e), period(e))
	}
	suite.Out, suite.Err = inert.Text(out.String()), inert.Text(bad.String())
	text, err := xml.MarshalIndent(junitSuites{Suites: []junitSuite{suite}}, "", "  ")
	if err != nil {
		return fmt.Errorf("summary as JUnit: %w", err)
	}
	_, err = io.WriteString(w, xml.Header+string(text)+"\n")
	return err
}

// joined joins what is not empty.
func joined(parts ...string) string {
	var some []string
	for _, p := range parts {
		if p != "" {
			some = append(some, p)
		}
	}
	return strings.Join(some, ", ")
}
