package sandbox

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/vu"
)

// Program is a script bound to a host. It satisfies vu.Script and is safe for
// concurrent use.
type Program struct {
	script *Script
	host   *Host
	news   []New       // by module
	shape  *Shape[*VU] // of what stands behind the global object
	scopes scopes

	setupData atomic.Pointer[[]byte] // nil: none

	mu      sync.Mutex
	defined []metric.Metric
}

var _ vu.Script = (*Program)(nil)

// Program returns what runs VUs of the script on host h, whose Plan is set.
func (s *Script) Program(h *Host) (*Program, error) {
	p := &Program{script: s, host: h, news: make([]New, len(s.modules))}
	p.scopes.init(h)
	for i, m := range s.modules {
		var err error
		if p.news[i], err = m.Load(h); err != nil {
			return nil, fmt.Errorf("load module %s: %w", m.Names[0], err)
		}
	}
	var err error
	if p.shape, err = globalShape(s.globals, h); err != nil {
		return nil, err
	}
	return p, nil
}

// NewVU makes a VU: it runs the script's top level in a runtime of its own.
func (p *Program) NewVU(ctx context.Context, id vu.Identity) (vu.VU, error) {
	v, err := p.newVU(ctx, id)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func (p *Program) newVU(ctx context.Context, id vu.Identity) (*VU, error) {
	v := &VU{
		program:  p,
		id:       id,
		recorder: p.host.Registry.Recorder(int(id.InInstance)),
	}
	if err := v.start(ctx); err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

// Setup runs setup() in a throw-away VU and returns its result as JSON,
// nil when the script has no setup or it returned undefined.
func (p *Program) Setup(ctx context.Context) (data []byte, err error) {
	err = p.once(ctx, Setup, "setup", nil, func(v *VU, result goja.Value) error {
		data, err = v.toJSON(result)
		return err
	})
	return data, err
}

// SetSetupData hands every VU made by this Script the result of Setup.
func (p *Program) SetSetupData(data []byte) {
	if data == nil {
		p.setupData.Store(nil)
		return
	}
	data = slices.Clone(data)
	p.setupData.Store(&data)
}

// Teardown runs teardown(data), if there is one.
func (p *Program) Teardown(ctx context.Context) error {
	var data []byte
	if stored := p.setupData.Load(); stored != nil {
		data = *stored
	}
	return p.once(ctx, Teardown, "teardown", data, func(*VU, goja.Value) error { return nil })
}

// HandleSummary runs handleSummary(data) with data as JSON. It returns what
// the script wants written by name, nil when the script has no handleSummary.
func (p *Program) HandleSummary(ctx context.Context, data []byte) (files map[string][]byte, err error) {
	err = p.once(ctx, Summary, "handleSummary", data, func(v *VU, result goja.Value) error {
		files, err = v.summaryFiles(result)
		return err
	})
	return files, err
}

// once calls the exported function name in a VU made for it, with data parsed
// as its argument, and gives its settled result to use. It does nothing when
// the script exports no such function.
func (p *Program) once(ctx context.Context, phase Phase, name string, data []byte, use func(*VU, goja.Value) error) error {
	v, err := p.newVU(ctx, vu.Identity{})
	if err != nil {
		return err
	}
	defer v.Close()
	v.root = p.scopes.lifecycle(phase)
	return v.enter(ctx, phase, func() error {
		fn, ok := goja.AssertFunction(v.exports.Get(name))
		if !ok {
			return nil
		}
		arg, err := v.parseJSON(data)
		if err != nil {
			return err
		}
		result, err := fn(goja.Undefined(), arg)
		if err != nil {
			return err
		}
		if result, err = v.settle(result); err != nil {
			return err
		}
		return use(v, result)
	})
}

// summaryFiles reads what handleSummary returned. None means that the usual
// summary is wanted.
func (v *VU) summaryFiles(result goja.Value) (map[string][]byte, error) {
	if goja.IsUndefined(result) || goja.IsNull(result) {
		return nil, nil
	}
	obj, ok := result.(*goja.Object)
	if !ok || obj.ClassName() != "Object" {
		return nil, &vu.Exception{Name: "TypeError", Message: "handleSummary must return an object of file names and contents, got " + v.Describe(result)}
	}
	files := make(map[string][]byte)
	for _, name := range obj.Keys() {
		value := obj.Get(name)
		switch content := value.(type) {
		case goja.String:
			files[name] = []byte(content.String())
			continue
		case *goja.Object:
			if buffer, ok := content.Export().(goja.ArrayBuffer); ok {
				files[name] = slices.Clone(buffer.Bytes())
				continue
			}
		}
		if goja.IsUndefined(value) || goja.IsNull(value) {
			continue
		}
		return nil, &vu.Exception{Name: "TypeError", Message: fmt.Sprintf("handleSummary: the content of %q must be a string or an ArrayBuffer, got %s", name, v.Describe(value))}
	}
	return files, nil
}

// define makes a custom metric and notes it for Inspect.
func (p *Program) define(name string, t metric.Type, u metric.Unit) (*metric.Metric, error) {
	m, err := p.host.Registry.Define(name, t, u)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Contains(p.defined, *m) {
		return m, nil
	}
	p.defined = append(p.defined, *m)
	return m, nil
}

func (p *Program) definedMetrics() []metric.Metric {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.defined)
}
