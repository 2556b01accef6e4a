// Package report prints results with their time series: one self-contained
// HTML page with charts, and CSV for spreadsheets and notebooks.
package report

import (
	"io"

	"github.com/swarmload/swarm/engine/result"
)

// WriteHTML writes one page that needs nothing else: no network, no server,
// and prints well. Whatever the script, the target or tags supply is inert.
func WriteHTML(w io.Writer, r *result.Result) error { panic("contract") }

// WriteCSV writes the time series: a line for each interval of each series.
// No cell can be taken for a formula.
func WriteCSV(w io.Writer, r *result.Result) error { panic("contract") }
