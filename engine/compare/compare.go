// Package compare tells whether two runs differ by more than their own noise.
package compare

import (
	"io"

	"github.com/swarmload/swarm/engine/result"
)

// Bounds say how much worse B may be than A.
type Bounds struct {
	// Regression is the share by which a value may be worse, beyond the noise,
	// before it counts as one: 0.05 is 5 %.
	Regression float64
	Confidence float64 // of the noise band; 0: 0.95
	// Metrics are those that judge, such as "http_req_duration p(95)"; empty:
	// the default list.
	Metrics []string
}

// Comparison is the table of differences. It is JSON-encodable.
type Comparison struct {
	A, B Run   `json:"-"`
	Rows []Row `json:"rows"`
	// Regressions are the rows that make B worse than allowed, as lower-case lines.
	Regressions []string `json:"regressions"`
	Notes       []string `json:"notes"` // what makes the runs hard to compare: other plans, marked spans
}

// Run names one side.
type Run struct {
	ID, Script string
}

// Row is one value of both runs.
type Row struct {
	Name   string  `json:"name"` // "http_req_duration p(95)", "GET /items p(99)", "http_reqs rate"
	Unit   string  `json:"unit"` // "ms", "/s", "%", "B/s", ""
	A      float64 `json:"a"`
	B      float64 `json:"b"`
	Change float64 `json:"change"` // (B-A)/A; 0 when A is 0
	// Low and High are the confidence interval of Change; both 0 when the runs
	// are too short for one.
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	Better  string  `json:"better"`  // which way is better: "lower", "higher", "" for neither
	Verdict string  `json:"verdict"` // "better", "worse", "same", "unknown"
}

// Compare compares run b with run a, the baseline.
func Compare(a, b *result.Result, bounds Bounds) (*Comparison, error) { panic("contract") }

// WriteText, WriteMarkdown and WriteJSON print a comparison.
func WriteText(w io.Writer, c *Comparison, color bool, width int) error { panic("contract") }
func WriteMarkdown(w io.Writer, c *Comparison) error                    { panic("contract") }
func WriteJSON(w io.Writer, c *Comparison) error                        { panic("contract") }
