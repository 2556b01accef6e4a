package summary

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// WriteJSON prints s as one JSON object. Every character a terminal could act
// upon is escaped, so that the text is safe on a screen too.
func WriteJSON(w io.Writer, s *Summary) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // p(95)<200 shall read as such
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		return fmt.Errorf("summary as JSON: %w", err)
	}
	_, err := w.Write(InertJSON(b.Bytes()))
	return err
}

// InertJSON writes what is not printable in JSON, and stands therefore in a string,
// as \u escapes.
func InertJSON(text []byte) []byte {
	var out []byte
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out = append(out, text[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[size:]
	}
	return out
}

// The shape of handleSummary's argument, as k6 documents it.
type (
	handleData struct {
		RootGroup handleGroup             `json:"root_group"`
		Options   handleOptions           `json:"options"`
		State     handleState             `json:"state"`
		Metrics   map[string]handleMetric `json:"metrics"`
		SetupData json.RawMessage         `json:"setup_data,omitempty"`
	}
	handleOptions struct {
		SummaryTrendStats []string `json:"summaryTrendStats"`
		SummaryTimeUnit   string   `json:"summaryTimeUnit"`
		NoColor           bool     `json:"noColor"`
	}
	handleState struct {
		IsStdOutTTY       bool    `json:"isStdOutTTY"`
		IsStdErrTTY       bool    `json:"isStdErrTTY"`
		TestRunDurationMs float64 `json:"testRunDurationMs"`
	}
	handleMetric struct {
		Type       string                     `json:"type"`
		Contains   string                     `json:"contains"`
		Values     map[string]float64         `json:"values"`
		Thresholds map[string]handleThreshold `json:"thresholds,omitempty"`
	}
	handleThreshold struct {
		OK bool `json:"ok"`
	}
	handleGroup struct {
		Name   string        `json:"name"`
		Path   string        `json:"path"`
		ID     string        `json:"id"`
		Groups []handleGroup `json:"groups"`
		Checks []handleCheck `json:"checks"`
	}
	handleCheck struct {
		Name   string `json:"name"`
		Path   string `json:"path"`
		ID     string `json:"id"`
		Passes uint64 `json:"passes"`
		Fails  uint64 `json:"fails"`
	}
)

// maxSetupData bounds what handleSummary gets of setup's result: all the data
// must fit into one message.
const maxSetupData = 8 << 20

// HandleSummaryData returns the JSON object that scripts get in
// handleSummary(data), in k6's shape (metrics, root_group, options, state).
// setup is what setup() returned, as JSON; none if it is empty or huge. The runner has
// no terminal, so colours and TTY flags are off.
func HandleSummaryData(s *Summary, setup []byte) []byte {
	d := handleData{
		RootGroup: groupTree(s),
		Options:   handleOptions{SummaryTrendStats: s.TrendStats, SummaryTimeUnit: s.TimeUnit, NoColor: true},
		State:     handleState{TestRunDurationMs: float64(s.Duration) / float64(time.Millisecond)},
		Metrics:   make(map[string]handleMetric, len(s.Metrics)),
	}
	for _, m := range s.Metrics {
		h := handleMetric{Type: m.Type, Contains: m.Unit.Contains(), Values: m.Values}
		for _, v := range s.Thresholds {
			if v.Name == m.Name {
				if h.Thresholds == nil {
					h.Thresholds = map[string]handleThreshold{}
				}
				h.Thresholds[v.Expression] = handleThreshold{OK: v.OK}
			}
		}
		d.Metrics[m.Name] = h
	}
	if len(setup) <= maxSetupData && json.Valid(setup) { // it comes from a runner
		d.SetupData = setup
	}
	data, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("summary: finite numbers and strings are always JSON: %v", err))
	}
	return data
}

// groupTree builds the root group with all below it.
func groupTree(s *Summary) handleGroup {
	checks := map[string][]handleCheck{}
	for _, c := range s.Checks {
		path := c.Group + separator + c.Name
		checks[c.Group] = append(checks[c.Group], handleCheck{
			Name: c.Name, Path: path, ID: groupID(path), Passes: c.Passes, Fails: c.Fails,
		})
	}
	below := map[string][]string{}
	for _, path := range s.Groups {
		parent, _ := splitGroup(path)
		below[parent] = append(below[parent], path)
	}
	var build func(path string) handleGroup
	build = func(path string) handleGroup {
		_, name := splitGroup(path)
		g := handleGroup{Name: name, Path: path, ID: groupID(path), Groups: []handleGroup{}, Checks: orEmpty(checks[path])}
		for _, child := range below[path] {
			g.Groups = append(g.Groups, build(child))
		}
		return g
	}
	return build("")
}

// splitGroup cuts the innermost name from a group's path.
func splitGroup(path string) (parent, name string) {
	if i := strings.LastIndex(path, separator); i >= 0 {
		return path[:i], path[i+len(separator):]
	}
	return "", path
}

// groupID is the identity k6 documents: the MD5 of the path. It names, it
// protects nothing.
func groupID(path string) string {
	sum := md5.Sum([]byte(path))
	return hex.EncodeToString(sum[:])
}
