package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/spelling"
)

// action answers one request. An error is a *refusal or comes from Control.
type action func(s *Server, r *http.Request, body []byte) (any, error)

// routes is all the API can do, by path and method.
func routes() map[string]map[string]action {
	return map[string]map[string]action{
		"/v1/status":     {http.MethodGet: (*Server).status, http.MethodPatch: (*Server).patchStatus},
		"/v1/metrics":    {http.MethodGet: (*Server).metrics},
		"/v1/thresholds": {http.MethodGet: (*Server).thresholds},
		"/v1/pause":      {http.MethodPost: (*Server).pause},
		"/v1/resume":     {http.MethodPost: (*Server).resume},
		"/v1/stop":       {http.MethodPost: (*Server).stop},
		"/v1/scale":      {http.MethodPost: (*Server).scale},
	}
}

const metricPath = "/v1/metrics/"

func (s *Server) route(w http.ResponseWriter, r *http.Request) (any, error) {
	all := routes()
	methods, ok := all[r.URL.Path]
	if !ok && strings.HasPrefix(r.URL.Path, metricPath) {
		methods, ok = map[string]action{http.MethodGet: (*Server).metric}, true
	}
	if !ok {
		paths := slices.Sorted(maps.Keys(all))
		hint := "there are " + strings.Join(paths, ", ")
		if near := spelling.Nearest(r.URL.Path, paths); near != "" {
			hint = "did you mean " + near + "?"
		}
		return nil, refuse(http.StatusNotFound, hint, "there is no %s", r.URL.Path)
	}
	do, ok := methods[r.Method]
	if !ok {
		allowed := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
		w.Header().Set("Allow", allowed)
		return nil, refuse(http.StatusMethodNotAllowed, "use "+allowed, "%s does not take %s", r.URL.Path, r.Method)
	}
	body, err := read(r)
	if err != nil {
		return nil, err
	}
	return do(s, r, body)
}

// read returns the body, which has to be JSON if there is one.
func read(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, refuse(http.StatusRequestEntityTooLarge, "", "the body is larger than %d bytes", large.Limit)
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "", "the body could not be read")
	case len(body) == 0:
		return nil, nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" && kind != "application/vnd.api+json" {
		return nil, refuse(http.StatusUnsupportedMediaType, "send the header Content-Type: application/json", "the body has to be JSON")
	}
	return body, nil
}

func (s *Server) status(*http.Request, []byte) (any, error) { return s.config.Board.Status(), nil }

// list is how answers hold several things.
type list[T any] struct {
	Data []T `json:"data"`
}

type one[T any] struct {
	Data T `json:"data"`
}

func (s *Server) metrics(r *http.Request, _ []byte) (any, error) {
	all := s.config.Board.Metrics(r.Context())
	if all == nil {
		all = []Metric{}
	}
	return list[Metric]{all}, nil
}

func (s *Server) metric(r *http.Request, _ []byte) (any, error) {
	id := strings.TrimPrefix(r.URL.Path, metricPath)
	var names []string
	for _, m := range s.config.Board.Metrics(r.Context()) {
		if m.ID == id {
			return one[Metric]{m}, nil
		}
		names = append(names, m.ID)
	}
	hint := "a metric is listed from its first sample on"
	if near := spelling.Nearest(id, names); near != "" {
		hint = "did you mean " + near + "?"
	}
	return nil, refuse(http.StatusNotFound, hint, "there is no metric %q", id)
}

func (s *Server) thresholds(*http.Request, []byte) (any, error) {
	return list[Threshold]{s.config.Board.Thresholds()}, nil
}

// done is the answer to a command that was given; it takes effect soon.
type done struct {
	Done string `json:"done"`
}

func (s *Server) pause(_ *http.Request, body []byte) (any, error) {
	if err := decode(body, &struct{}{}); err != nil {
		return nil, err
	}
	return done{"paused"}, s.config.Control.Pause()
}

func (s *Server) resume(_ *http.Request, body []byte) (any, error) {
	if err := decode(body, &struct{}{}); err != nil {
		return nil, err
	}
	return done{"resumed"}, s.config.Control.Resume()
}

func (s *Server) stop(_ *http.Request, body []byte) (any, error) {
	if err := decode(body, &struct{}{}); err != nil {
		return nil, err
	}
	s.config.Stop()
	return done{"stopping"}, nil
}

// scaling is the body of /v1/scale.
type scaling struct {
	Scenario  string   `json:"scenario"` // may be missing when only one can be scaled
	VUs       *float64 `json:"vus"`
	Rate      *float64 `json:"rate"`      // iterations per second
	SpawnRate *float64 `json:"spawnRate"` // VUs per second on the way
}

// scaled is the answer of /v1/scale.
type scaled struct {
	Done     string `json:"done"`
	Scenario string `json:"scenario"`
}

func (s *Server) scale(_ *http.Request, body []byte) (any, error) {
	var want scaling
	if err := decode(body, &want); err != nil {
		return nil, err
	}
	name, model, err := s.chosen(want.Scenario)
	if err != nil {
		return nil, err
	}
	level, err := want.level(name, model)
	if err != nil {
		return nil, err
	}
	if err := s.config.Control.Scale(name, level); err != nil {
		return nil, err
	}
	return scaled{"scaled to " + describe(model, level), name}, nil
}

// level checks the numbers against what the scenario goes by.
func (w scaling) level(name string, m Model) (level engine.Level, err error) {
	bad := func(hint, format string, args ...any) error {
		return refuse(http.StatusBadRequest, hint, format, args...)
	}
	switch {
	case m == Fixed:
		return level, nil // to be refused by Control, which knows why
	case w.VUs != nil && w.Rate != nil:
		return level, bad("", "either vus or rate, not both")
	case w.VUs == nil && w.Rate == nil:
		return level, bad(`such as {"scenario":"`+name+`","`+string(m)+`":20}`, "vus or rate is missing")
	case m == Rate && w.Rate == nil:
		return level, bad("use rate", "%q makes iterations at a rate; its VUs follow from that", name)
	case m == VUs && w.VUs == nil:
		return level, bad("use vus", "%q has VUs that iterate as fast as they can; it has no rate", name)
	case w.SpawnRate != nil && m == Rate:
		return level, bad("", "spawnRate is of VUs; the rate of %q changes at once", name)
	}
	if w.VUs != nil {
		if *w.VUs < 0 || *w.VUs != math.Trunc(*w.VUs) || *w.VUs > plan.MaxVUs {
			return level, bad("", "vus must be a whole number from 0 to %s", figure.Count(plan.MaxVUs))
		}
		level.VUs = int(*w.VUs)
	}
	if w.Rate != nil {
		if !(*w.Rate >= 0 && *w.Rate <= plan.MaxRate) {
			return level, bad("", "rate must be a number from 0 to %s", figure.Count(plan.MaxRate))
		}
		level.Rate = *w.Rate
	}
	if w.SpawnRate != nil {
		if !(*w.SpawnRate > 0 && *w.SpawnRate <= plan.MaxRate) {
			return level, bad("leave it out to scale as the script says", "spawnRate must be above 0, and at most %s", figure.Count(plan.MaxRate))
		}
		level.SpawnRate = *w.SpawnRate
	}
	return level, nil
}

// chosen finds the scenario that is meant and by what it can be scaled.
func (s *Server) chosen(name string) (string, Model, error) {
	names := s.config.Board.names()
	if len(names) == 0 {
		return "", Fixed, refuse(http.StatusConflict, "wait until /v1/status tells the phase load", "the load has not begun")
	}
	if name == "" {
		can := s.config.Board.Scalable()
		switch len(can) {
		case 0:
			return "", Fixed, nil // Control says why
		case 1:
			return can[0].Name, can[0].Model, nil
		}
		var list []string
		for _, c := range can {
			list = append(list, c.Name)
		}
		return "", Fixed, refuse(http.StatusBadRequest, "name one of "+strings.Join(list, ", "), "several scenarios can be scaled")
	}
	p := s.config.Board.scenario(name)
	if p == nil {
		hint := "there are " + strings.Join(names, ", ")
		if near := spelling.Nearest(name, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		return "", Fixed, refuse(http.StatusNotFound, hint, "there is no scenario %q", name)
	}
	return name, ModelOf(p), nil
}

// patch is the body of PATCH /v1/status as k6's API takes it.
type patch struct {
	Data struct {
		Type       string `json:"type"`
		ID         string `json:"id"`
		Attributes struct {
			Paused  *bool    `json:"paused"`
			VUs     *float64 `json:"vus"`
			VUsMax  *float64 `json:"vus-max"`
			Stopped *bool    `json:"stopped"`
			// What GET answers may come back.
			Running *bool `json:"running"`
			Tainted *bool `json:"tainted"`
		} `json:"attributes"`
	} `json:"data"`
}

// patchStatus does what k6's pause, resume, scale and stop send. Everything is
// checked before anything is done.
func (s *Server) patchStatus(r *http.Request, body []byte) (any, error) {
	var want patch
	if err := decode(body, &want); err != nil {
		return nil, err
	}
	a := want.Data.Attributes
	if want.Data.Type != "" && want.Data.Type != "status" {
		return nil, refuse(http.StatusBadRequest, "", `data.type must be "status"`)
	}
	if a.Paused == nil && a.VUs == nil && a.Stopped == nil {
		return nil, refuse(http.StatusBadRequest, `such as {"data":{"type":"status","id":"default","attributes":{"paused":true}}}`,
			"data.attributes holds none of paused, vus, stopped")
	}
	now := s.config.Board.Status()
	if a.VUsMax != nil && *a.VUsMax != float64(now.VUsMax) {
		return nil, refuse(http.StatusConflict, "maxVUs of the scenario is the limit", "vus-max cannot be changed while the test runs")
	}
	var scale func() error
	if a.VUs != nil {
		name, model, err := s.chosen("")
		if err != nil {
			return nil, err
		}
		level, err := scaling{VUs: a.VUs}.level(name, model)
		if err != nil {
			return nil, err
		}
		scale = func() error { return s.config.Control.Scale(name, level) }
	}
	if scale != nil {
		if err := scale(); err != nil {
			return nil, err
		}
	}
	if a.Paused != nil && *a.Paused != now.Paused {
		change := s.config.Control.Resume
		if *a.Paused {
			change = s.config.Control.Pause
		}
		if err := change(); err != nil {
			return nil, err
		}
	}
	if a.Stopped != nil && *a.Stopped {
		s.config.Stop()
	}
	// The numbers follow in a second; the answer says what was accepted.
	out := s.config.Board.Status()
	if a.Paused != nil {
		out.Paused, out.Data.Attributes.Paused = *a.Paused, *a.Paused
	}
	if a.VUs != nil {
		out.Data.Attributes.VUs = int(*a.VUs)
	}
	return out, nil
}

// decode reads a body into v: one JSON value, no key that v does not know and
// none twice. An empty body is an empty object.
func decode(body []byte, v any) error {
	if len(body) == 0 {
		body = []byte("{}")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more after the JSON value")
		}
	}
	if err == nil {
		if key := repeated(json.NewDecoder(bytes.NewReader(body))); key != "" {
			err = fmt.Errorf("%q is given twice", key)
		}
	}
	if err == nil {
		return nil
	}
	var kind *json.UnmarshalTypeError
	message := strings.TrimPrefix(err.Error(), "json: ")
	if errors.As(err, &kind) {
		message = fmt.Sprintf("%s must be %s, got a %s", fieldName(kind.Field), kindName(kind.Type.Kind().String()), kind.Value)
	}
	return refuse(http.StatusBadRequest, "docs/control.md shows each request", "bad JSON: %s", message)
}

// repeated returns a key that an object in the next value has twice, whatever
// its case; "" if there is none. The value is valid JSON.
func repeated(d *json.Decoder) string {
	token, err := d.Token()
	open, nested := token.(json.Delim)
	if err != nil || !nested {
		return ""
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			token, err := d.Token()
			key, _ := token.(string)
			if err != nil || seen[strings.ToLower(key)] {
				return key
			}
			seen[strings.ToLower(key)] = true
		}
		if key := repeated(d); key != "" {
			return key
		}
	}
	d.Token() // the end of this one
	return ""
}

func fieldName(f string) string {
	if f == "" {
		return "the body"
	}
	return f
}

func kindName(k string) string {
	switch k {
	case "float64":
		return "a number"
	case "bool":
		return "true or false"
	case "struct":
		return "an object"
	}
	return "a " + k
}
