// Package result is a run as it is kept: the summary, the plan and the time
// series, in a versioned form that later versions read.
package result

import (
	"io"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/summary"
	"github.com/swarmload/swarm/engine/timeline"
)

// Result is one run. Timeline may be nil when it is not known.
type Result struct {
	ID       string             `json:"id"`      // four to eight hex digits, unique in its store
	Version  string             `json:"version"` // of swarm
	Started  time.Time          `json:"started"`
	Host     Host               `json:"host"`
	Seed     uint64             `json:"seed"`
	Plan     *plan.Plan         `json:"plan"`
	Summary  *summary.Summary   `json:"summary"`
	Timeline *timeline.Timeline `json:"-"`
}

// Host is the machine the run was coordinated on.
type Host struct {
	OS         string `json:"os"`
	Arch       string `json:"arch"`
	Processors int    `json:"processors"`
}

// Write writes a result, compressed. Read reads what any version from 1 on
// wrote; what is damaged, too large or of a later version is an error of one
// lower-case line.
func Write(w io.Writer, r *Result) error { panic("contract") }
func Read(r io.Reader) (*Result, error)  { panic("contract") }
