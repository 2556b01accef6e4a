// Package result is a run as it is kept: the summary, the plan and the time
// series, in a versioned form that later versions read, and the folder in
// which runs are kept.
//
// A result is a gzip-compressed JSON object, so that any tool reads all but
// the time series: zcat run.json.gz | jq .summary. docs/results.md describes it.
package result

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
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

// Schema names the form of a result. Fields may be added to it; what is there
// keeps its name and meaning until the number changes.
const Schema = schemaName + "1"

const (
	schemaName    = "swarm.result/"
	schemaVersion = 1
)

// Bounds of what Read takes. The largest result has a timeline of 64 MiB,
// which is a third more as text, and a summary of ten thousand series.
const (
	maxPacked = 512 << 20
	maxPlain  = 1 << 30
	maxDepth  = 64
)

// document is the form of a result. What is told of a run in a list comes
// first, so that a list need not read the rest.
type document struct {
	Schema string `json:"schema"`
	Entry
	Version  string           `json:"version"`
	Host     Host             `json:"host"`
	Seed     uint64           `json:"seed"`
	Plan     *plan.Plan       `json:"plan"`
	Summary  *summary.Summary `json:"summary"`
	Timeline []byte           `json:"timeline"` // timeline.MarshalBinary, null if not known
}

// Write writes a result, compressed.
func Write(w io.Writer, r *Result) error {
	if r.Plan == nil || r.Summary == nil {
		return errors.New("a result needs a plan and a summary")
	}
	d := document{
		Schema: Schema, Entry: entryOf(r),
		Version: r.Version, Host: r.Host, Seed: r.Seed, Plan: r.Plan, Summary: r.Summary,
	}
	if r.Timeline != nil {
		var err error
		if d.Timeline, err = r.Timeline.MarshalBinary(); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
	}
	packed := gzip.NewWriter(w)
	enc := json.NewEncoder(packed)
	enc.SetEscapeHTML(false) // p(95)<200 shall read as such
	err := enc.Encode(d)
	if err == nil {
		err = packed.Close() // else it says the same once more
	}
	if err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// Read reads what any version from 1 on wrote; what is damaged, too large or
// of a later version is an error of one lower-case line.
func Read(r io.Reader) (*Result, error) {
	text, err := unpack(r)
	if err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	if err := checkSchema(text); err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	if deeper(text, maxDepth) {
		return nil, fmt.Errorf("read result: damaged: nested deeper than %d levels", maxDepth)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("read result: damaged: %w", err)
	}
	if d.Plan == nil || d.Summary == nil {
		return nil, errors.New("read result: damaged: it has no plan or no summary")
	}
	res := &Result{
		ID: d.ID, Version: d.Version, Started: d.Started, Host: d.Host, Seed: d.Seed,
		Plan: d.Plan, Summary: d.Summary,
	}
	res.Summary.Restore(res.Plan)
	if len(d.Timeline) > 0 {
		res.Timeline = new(timeline.Timeline)
		if err := res.Timeline.UnmarshalBinary(d.Timeline); err != nil {
			return nil, fmt.Errorf("read result: %w", err)
		}
	}
	return res, nil
}

// unpack returns the JSON text, which may also have been unpacked before.
func unpack(r io.Reader) ([]byte, error) {
	in := bufio.NewReader(&limited{r: r, left: maxPacked})
	plain := io.Reader(in)
	if head, _ := in.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return nil, damaged(err)
		}
		plain = &limited{r: unpacked, left: maxPlain}
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		return nil, damaged(err)
	}
	return text, nil
}

func damaged(err error) error {
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("damaged: %w", err)
	}
	return err
}

var errTooLarge = errors.New("too large to be a result")

// limited is an io.LimitedReader that tells.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errTooLarge
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// checkSchema reports whether text is a result this version reads.
func checkSchema(text []byte) error {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return errors.New("not a result of swarm, or damaged")
	}
	return knownSchema(head.Schema)
}

func knownSchema(name string) error {
	number, ok := strings.CutPrefix(name, schemaName)
	version, err := strconv.ParseUint(number, 10, 31)
	switch {
	case !ok || err != nil || version == 0:
		return errors.New("not a result of swarm")
	case version > schemaVersion:
		return fmt.Errorf("written by a later version of swarm: its form is %d, this version reads up to %d", version, schemaVersion)
	}
	return nil
}

// deeper reports whether JSON is nested deeper than that.
func deeper(text []byte, limit int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
