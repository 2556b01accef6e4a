package sandbox

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/vu"
)

// globalShape describes the object behind the global object: what every script
// has, and the Globals it was given.
func globalShape(globals []Global, h *Host) (*Shape[*VU], error) {
	props := []Prop[*VU]{
		{Name: "global", Make: func(v *VU) goja.Value { return v.rt.GlobalObject() }},
		{Name: "__ENV", Make: func(v *VU) goja.Value { return v.environment() }},
		{Name: "__VU", Make: func(v *VU) goja.Value { return v.rt.ToValue(v.id.InTest) }},
		{Name: "__ITER", Live: true, Make: func(v *VU) goja.Value {
			if v.phase == Init {
				return goja.Undefined()
			}
			return v.rt.ToValue(v.it.InVU)
		}},
	}
	for _, g := range globals {
		load, err := g.Load(h)
		if err != nil {
			return nil, fmt.Errorf("load global %s: %w", g.Name, err)
		}
		props = append(props, Prop[*VU]{Name: g.Name, Make: load})
	}
	return NewShape(props...), nil
}

// environment returns the VU's __ENV, an object of its own that keeps its
// identity when the scenario changes.
func (v *VU) environment() *goja.Object {
	own := v.belongings()
	if own.env == nil {
		own.env = v.rt.NewObject()
		v.fillEnv(v.it.Scenario)
	}
	return own.env
}

// fillEnv lays the environment of s, which may be nil, over the host's and
// takes that of the present scenario away. __ENV has been read.
func (v *VU) fillEnv(s *vu.Scenario) {
	base := v.program.host.Env
	if v.it.Scenario != nil {
		for name := range v.it.Scenario.Env {
			if _, ok := base[name]; !ok {
				_ = v.own.env.Delete(name)
			}
		}
	}
	set := func(env map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(env)) { // the same order in every VU
			_ = v.own.env.Set(name, env[name])
		}
	}
	set(base)
	if s != nil {
		set(s.Env)
	}
}

// setupValue returns v's own copy of what setup returned.
func (v *VU) setupValue() (goja.Value, error) {
	text := v.program.setupData.Load()
	if text == v.dataText && v.args[0] != nil {
		return v.args[0], nil
	}
	value := goja.Undefined()
	if text != nil {
		var err error
		if value, err = v.parseJSON(*text); err != nil {
			return nil, err
		}
	}
	v.args[0], v.dataText = value, text
	return value, nil
}

// parseJSON turns text into a value of the script; undefined for no text.
func (v *VU) parseJSON(text []byte) (goja.Value, error) {
	if len(text) == 0 {
		return goja.Undefined(), nil
	}
	value, err := v.ParseJSON(string(text))
	if err != nil {
		return nil, &vu.Exception{Name: "SyntaxError", Message: err.Error()}
	}
	return value, nil
}

// toJSON turns a value of the script into JSON, nil for undefined.
func (v *VU) toJSON(value goja.Value) ([]byte, error) {
	if value == nil || goja.IsUndefined(value) {
		return nil, nil
	}
	// In an array, since goja marshals objects only.
	text, err := v.rt.NewArray(value).MarshalJSON()
	if err != nil {
		return nil, err
	}
	return text[1 : len(text)-1], nil
}
