package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/dop251/goja"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/parser"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/sandbox/bundle"
)

// Script is a compiled bundle. Safe for concurrent use.
type Script struct {
	program *goja.Program     // evaluates to function(module, exports, require)
	sources map[string]string // file names as goja reports them -> as the author wrote them
	modules []Module
	byName  map[string]int // module name or alias -> index in modules
	globals []Global
}

// unitName is what goja calls the bundle's own text. Frames that still bear it
// after source mapping are the bundler's, not the author's.
const unitName = "bundle.js"

// Compile parses the bundle and notes which modules and globals exist. It runs nothing.
func Compile(b *bundle.Bundle, modules []Module, globals []Global) (*Script, error) {
	s := &Script{modules: modules, globals: globals, byName: make(map[string]int)}
	for i, m := range modules {
		for _, name := range m.Names {
			if _, twice := s.byName[name]; twice {
				return nil, fmt.Errorf("module %q is listed twice", name)
			}
			s.byName[name] = i
		}
	}

	sourceMap, err := adaptMap(b.Map)
	if err != nil {
		return nil, fmt.Errorf("source map of %s: %w", b.Entry, err)
	}
	s.sources = make(map[string]string, len(b.Sources))
	for name := range b.Sources {
		// goja takes names for URLs relative to the unit and escapes them.
		reported := name
		if u := file.ResolveSourcemapURL(unitName, name); u != nil {
			reported = u.String()
		}
		s.sources[reported] = name
	}

	option := parser.WithDisableSourceMaps
	if sourceMap != nil {
		option = parser.WithSourceMapLoader(func(string) ([]byte, error) { return sourceMap, nil })
	}
	// The wrapper takes a line of its own, so that columns stay what they are.
	text := "(function(module, exports, require){\n" + string(b.Code) + "\n})\n//# sourceMappingURL=" + unitName + ".map"
	tree, err := goja.Parse(unitName, text, option)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", b.Entry, err)
	}
	if s.program, err = goja.CompileAST(tree, false); err != nil {
		return nil, fmt.Errorf("compile %s: %w", b.Entry, err)
	}
	return s, nil
}

// Inspection is what running a script's top level once tells.
type Inspection struct {
	Options []byte          // JSON of the exported options, "{}" when none
	Exports []string        // names of exported functions, "default" among them
	Metrics []metric.Metric // custom metrics defined
}

// Inspect runs the top level in a throw-away runtime. The error is an
// *vu.Exception when the script threw, a *plan.Fault when its options hold a
// number that is not finite.
func (s *Script) Inspect(ctx context.Context, h *Host) (Inspection, error) {
	p, err := s.Program(h)
	if err != nil {
		return Inspection{}, err
	}
	v, err := p.newVU(ctx, vu.Identity{})
	if err != nil {
		return Inspection{}, err
	}
	defer v.Close()

	var in Inspection
	err = v.enter(ctx, Init, func() error {
		in.Exports = v.exportedFunctions()
		in.Options, err = v.exportedOptions()
		return err
	})
	if err != nil {
		return Inspection{}, err
	}
	in.Metrics = p.definedMetrics()
	return in, nil
}

// exportedFunctions returns the names of the functions the script exports, sorted.
func (v *VU) exportedFunctions() []string {
	names := []string{}
	for _, name := range v.exports.Keys() {
		if _, ok := goja.AssertFunction(v.exports.Get(name)); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// exportedOptions returns `options` as JSON. What is no object is returned too,
// in words if JSON has none: whoever reads the options knows their place.
func (v *VU) exportedOptions() ([]byte, error) {
	value := v.exports.Get("options")
	if value == nil || goja.IsUndefined(value) || goja.IsNull(value) {
		return []byte("{}"), nil
	}
	obj, ok := value.(*goja.Object)
	if !ok || obj.ClassName() != "Object" && obj.ClassName() != "Array" {
		var plain any = v.Describe(value)
		switch is := value.Export().(type) {
		case string, bool, int64:
			plain = is
		}
		return json.Marshal(plain)
	}
	text, err := v.optionsJSON(obj)
	var thrown *goja.Exception
	if errors.As(err, &thrown) {
		e := v.exception(thrown)
		e.Message = "options cannot be turned into JSON: " + e.Message
		return nil, e
	}
	return text, err
}

// optionsJSON is JSON.stringify but for numbers that are not finite, of which it
// makes null, "not given": they are most often a miscalculation, and a limit
// that comes to nothing must not pass for none. The error is a *plan.Fault then.
func (v *VU) optionsJSON(options *goja.Object) ([]byte, error) {
	var fault *plan.Fault
	type place struct {
		holder *goja.Object
		key    string
	}
	places := map[*goja.Object]place{} // where each object was met last
	const deep = 100                   // more than options may be
	// As a replacer it sees each value once, whatever getters and toJSON give.
	look := v.rt.ToValue(func(call goja.FunctionCall) goja.Value {
		holder, _ := call.This.(*goja.Object)
		at, value := place{holder, call.Argument(0).String()}, call.Argument(1)
		if text := notFinite(value); text != "" && fault == nil {
			fault = &plan.Fault{Message: "must be a finite number, got " + text, Hint: "is an environment variable missing?"}
			for at.holder != nil && len(fault.Path) < deep {
				fault.Path = append(fault.Path, at.key)
				at = places[at.holder] // none for the options themselves
			}
			slices.Reverse(fault.Path)
		}
		if obj, ok := value.(*goja.Object); ok && obj != options {
			places[obj] = at
		}
		return value
	})
	tools, _ := v.rt.Get("JSON").(*goja.Object)
	if tools == nil {
		return options.MarshalJSON()
	}
	stringify, ok := goja.AssertFunction(tools.Get("stringify"))
	if !ok {
		return options.MarshalJSON()
	}
	text, err := stringify(tools, options, look)
	switch {
	case err != nil:
		return nil, err
	case fault != nil:
		return nil, fault
	case goja.IsUndefined(text):
		return []byte("{}"), nil
	}
	return []byte(text.String()), nil
}

// notFinite returns NaN, Infinity or -Infinity if a value is that, else "".
func notFinite(value goja.Value) string {
	if obj, ok := value.(*goja.Object); ok && obj.ClassName() != "Number" {
		return ""
	}
	if f, ok := value.Export().(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return value.String()
	}
	return ""
}
