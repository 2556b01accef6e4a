package summary

import (
	"encoding/xml"
	"maps"
	"slices"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/sandbox"
)

// The elements of a JUnit report.
type (
	suites struct {
		XMLName  xml.Name `xml:"testsuites"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Suites   []suite  `xml:"testsuite"`
	}
	suite struct {
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Errors   int        `xml:"errors,attr"`
		Cases    []testCase `xml:"testcase"`
	}
	testCase struct {
		Name      string   `xml:"name,attr"`
		ClassName string   `xml:"classname,attr"`
		Failure   *failure `xml:"failure"`
	}
	failure struct {
		Message string `xml:"message,attr"`
	}
)

// jUnit implements jUnit(data, {name, classname}): every threshold is a test.
func jUnit(v *sandbox.VU, call goja.FunctionCall) string {
	var d data
	decode(v, "jUnit: data", call.Argument(0), &d)
	o := struct {
		Name      string `json:"name"`
		ClassName string `json:"classname"`
	}{"thresholds", "swarm"}
	options(v, "jUnit", call.Argument(1), &o)

	s := suite{Name: safe(o.Name)}
	for _, name := range slices.SortedFunc(maps.Keys(d.Metrics), byName) {
		m := d.Metrics[name]
		for _, expression := range slices.Sorted(maps.Keys(m.Thresholds)) {
			c := testCase{Name: safe(name) + " - " + safe(expression), ClassName: safe(o.ClassName)}
			if !m.Thresholds[expression].OK {
				c.Failure = &failure{Message: "the threshold " + safe(expression) + " of " + safe(name) + " does not hold"}
				s.Failures++
			}
			s.Cases = append(s.Cases, c)
			s.Tests++
		}
	}
	text, err := xml.MarshalIndent(suites{Tests: s.Tests, Failures: s.Failures, Suites: []suite{s}}, "", "  ")
	if err != nil {
		v.Throw("Error", "jUnit: "+err.Error())
	}
	return xml.Header + string(text) + "\n"
}
