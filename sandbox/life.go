package sandbox

import (
	"context"
	"fmt"
	"math"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/vu"
)

// life is what a VU keeps of vuSetup and vuTeardown. The VUs of a script that
// has neither keep none.
//
// A VU whose runtime had to be replaced begins anew: vuSetup runs again before
// the next iteration, since what it made is gone. If none follows, vuTeardown
// gets a copy of what vuSetup had returned, made of its JSON.
type life struct {
	setup, teardown goja.Callable // nil when not exported

	begun bool     // vuSetup was completed, in this runtime or an earlier one
	kept  []byte   // what it returned as JSON, if there is a teardown; nil: that cannot be
	tags  *overlay // what it changed about the VU's tags
}

// findLife looks for the functions once the script's top level has run.
// earlier is the life in the runtime before, if there was one.
func (v *VU) findLife(earlier *life) {
	setup, _ := goja.AssertFunction(v.exports.Get("vuSetup"))
	teardown, _ := goja.AssertFunction(v.exports.Get("vuTeardown"))
	if setup == nil && teardown == nil {
		return
	}
	v.life = &life{setup: setup, teardown: teardown}
	if earlier != nil {
		v.life.begun, v.life.kept = earlier.begun, earlier.kept
	}
}

// Setup runs vuSetup(data), if the script has one: once in a VU's life, before
// its first Iterate. After an error it may be called again.
func (v *VU) Setup(ctx context.Context) error {
	if v.life == nil {
		return nil
	}
	if err := v.revive(ctx); err != nil {
		return err
	}
	l := v.life
	if l == nil || v.args[1] != nil {
		return nil
	}
	if l.setup == nil {
		l.begun = true
		return nil
	}
	err := v.outside(ctx, VUSetup, func() error {
		data, err := v.setupValue()
		if err != nil {
			return err
		}
		result, err := l.setup(goja.Undefined(), data)
		if err != nil {
			return err
		}
		if result, err = v.settle(result); err != nil {
			return err
		}
		if l.teardown != nil {
			l.kept = v.keep(result)
		}
		if result == nil {
			result = goja.Undefined()
		}
		v.args[1] = result
		return nil
	})
	v.endIteration()
	if err != nil {
		v.args[1] = nil // a promise left behind was rejected
		return err
	}
	l.begun, l.tags = true, v.overlay
	return nil
}

// Teardown runs vuTeardown(data, what vuSetup returned), if the script has one
// and Setup was completed: once, after the last Iterate.
func (v *VU) Teardown(ctx context.Context) error {
	if v.life == nil || v.life.teardown == nil || !v.life.begun {
		return nil
	}
	if err := v.revive(ctx); err != nil {
		return err
	}
	l := v.life
	if l == nil || l.teardown == nil || !l.begun {
		return nil
	}
	l.begun = false
	return v.outside(ctx, VUTeardown, func() error {
		data, err := v.setupValue()
		if err != nil {
			return err
		}
		own := v.args[1]
		if own == nil {
			if own, err = v.parseJSON(l.kept); err != nil {
				return err
			}
		}
		result, err := l.teardown(goja.Undefined(), data, own)
		if err != nil {
			return err
		}
		_, err = v.settle(result)
		return err
	})
}

// revive gives v a new runtime if the present one must not be used any more.
func (v *VU) revive(ctx context.Context) error {
	if !v.stale {
		return nil
	}
	v.discard()
	return v.start(ctx)
}

// outside runs f in a phase that belongs to the VU but to no iteration.
func (v *VU) outside(ctx context.Context, phase Phase, f func() error) error {
	root := v.root
	v.root = v.program.scopes.lifecycle(phase)
	defer func() { v.root = root }()
	return v.enter(ctx, phase, f)
}

// keep returns value as JSON, nil when it cannot be.
func (v *VU) keep(value goja.Value) (text []byte) {
	v.quietly(func() {
		if json, err := v.toJSON(value); err == nil {
			text = json
		}
	})
	return text
}

// function is an exported function with a VU of its own.
type function struct {
	v    *VU
	name string
	call goja.Callable
}

// Function makes ready an exported function that is called again and again, in
// a VU of its own that runs no iterations.
func (p *Program) Function(ctx context.Context, name string) (vu.Function, error) {
	v, err := p.newVU(ctx, vu.Identity{})
	if err != nil {
		return nil, err
	}
	f := &function{v: v, name: name}
	if err := f.find(); err != nil {
		v.Close()
		return nil, err
	}
	return f, nil
}

func (f *function) find() (err error) {
	f.v.root = f.v.program.scopes.lifecycle(Consulted)
	f.call, err = f.v.exported(f.name)
	return err
}

// Call calls the function with arg as JSON and returns its settled result as
// JSON, nil when that is undefined or null.
func (f *function) Call(ctx context.Context, arg []byte) (result []byte, err error) {
	v := f.v
	if v.stale {
		if err := v.revive(ctx); err != nil {
			return nil, err
		}
		if err := f.find(); err != nil {
			return nil, err
		}
	}
	err = v.enter(ctx, Consulted, func() error {
		value, err := v.parseJSON(arg)
		if err != nil {
			return err
		}
		if value, err = f.call(goja.Undefined(), value); err != nil {
			return err
		}
		if value, err = v.settle(value); err != nil {
			return err
		}
		if goja.IsUndefined(value) || goja.IsNull(value) {
			return nil
		}
		if err := v.expressible(f.name, value); err != nil {
			return err
		}
		result, err = v.toJSON(value)
		return err
	})
	return result, err
}

// expressible refuses what JSON would turn into null without a word: numbers
// that are none, functions and symbols, in value or as a property of it.
func (v *VU) expressible(name string, value goja.Value) error {
	if err := v.expressibleAt(name+" returned ", value); err != nil {
		return err
	}
	obj, ok := value.(*goja.Object)
	if !ok {
		return nil
	}
	for _, key := range obj.Keys() {
		if err := v.expressibleAt(name+" returned an object whose "+Clip(key, maxName)+" is ", obj.Get(key)); err != nil {
			return err
		}
	}
	return nil
}

func (v *VU) expressibleAt(where string, value goja.Value) error {
	switch x := value.(type) {
	case *goja.Symbol:
	case *goja.Object:
		if _, callable := goja.AssertFunction(x); !callable {
			return nil
		}
	default:
		if value == nil {
			return nil
		}
		if f, isFloat := value.Export().(float64); !isFloat || !math.IsNaN(f) && !math.IsInf(f, 0) {
			return nil
		}
	}
	return &vu.Exception{Name: "TypeError", Message: fmt.Sprintf("%s%s", where, Clip(v.Describe(value), maxName))}
}

// Close frees the VU. It is called once.
func (f *function) Close() { f.v.Close() }
