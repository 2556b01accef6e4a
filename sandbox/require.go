package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/spelling"
)

// require is the script's require: it hands out the modules the Program was
// given and nothing else.
func (v *VU) require(call goja.FunctionCall) goja.Value {
	name := call.Argument(0).String()
	i, ok := v.program.script.byName[name]
	if !ok {
		v.Throw("Error", v.program.script.cannotImport(name))
	}
	return v.module(i)
}

// Module returns the object of the module of that name in v, nil when the
// Program has none of it. It is for modules and globals that build upon another.
func (v *VU) Module(name string) *goja.Object {
	i, ok := v.program.script.byName[name]
	if !ok {
		return nil
	}
	return v.module(i)
}

func (v *VU) module(i int) *goja.Object {
	if v.modules == nil {
		v.modules = make([]*goja.Object, len(v.program.news))
	}
	if v.modules[i] == nil {
		v.modules[i] = v.program.news[i](v)
	}
	return v.modules[i]
}

func (s *Script) cannotImport(name string) string {
	names := make([]string, 0, len(s.byName))
	for known := range s.byName {
		names = append(names, known)
	}
	slices.Sort(names)
	message := fmt.Sprintf("cannot import %q", Clip(name, maxName))
	if near := spelling.Nearest(name, names); near != "" {
		return message + fmt.Sprintf(": did you mean %q?", near)
	}
	return message + ": the modules are " + strings.Join(names, ", ")
}
