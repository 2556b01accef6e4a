package sandbox

import (
	"slices"

	"github.com/dop251/goja"
)

// Prop is one property of a Shape.
type Prop[T any] struct {
	Name string
	// Make returns the property's value in one VU, when it is first read.
	Make func(T) goja.Value
	// Live means that Make is asked at every read.
	Live bool
}

// Shape describes an object whose properties are made when they are first
// read. A native function costs a VU about half a kilobyte, so a module with
// forty exports should not make forty of them for a script that calls one.
// Make one Shape per Program (or package) and one object from it per VU. T is
// what the properties are made for: *VU, or what a module keeps for each VU. A
// Shape is immutable and safe for concurrent use.
//
// Scripts see a plain object: properties are writable and enumerable, and can
// be replaced but not deleted. It cannot be given symbols.
type Shape[T any] struct {
	props []Prop[T]
	index map[string]int
	fixed bool
}

// NewShape returns the shape with the given properties, in this order.
func NewShape[T any](props ...Prop[T]) *Shape[T] {
	s := &Shape[T]{props: slices.Clone(props), index: make(map[string]int, len(props))}
	for i, p := range props {
		s.index[p.Name] = i
	}
	return s
}

// Fixed returns the shape of objects that a script can only read: writing to
// one is a TypeError, as it is for a frozen object.
func (s *Shape[T]) Fixed() *Shape[T] {
	return &Shape[T]{props: s.props, index: s.index, fixed: true}
}

// New makes an object of this shape in v, with state for Make.
func (s *Shape[T]) New(v *VU, state T) *goja.Object {
	return v.rt.NewDynamicObject(&shaped[T]{shape: s, state: state})
}

// StateOf returns what object was made with, if it is of a Shape of T.
func StateOf[T any](object goja.Value) (state T, ok bool) {
	if o, isObject := object.(*goja.Object); isObject {
		if s, isShaped := o.Export().(*shaped[T]); isShaped {
			return s.state, true
		}
	}
	return state, false
}

// shaped is one object of a Shape. It keeps what was made as a short list,
// since most scripts read few properties of a module.
type shaped[T any] struct {
	shape *Shape[T]
	state T
	made  []madeProp
	extra map[string]goja.Value // set by the script under names the shape does not have
	order []string              // of extra
}

type madeProp struct {
	index int
	value goja.Value
}

func (o *shaped[T]) Get(name string) goja.Value {
	i, ok := o.shape.index[name]
	if !ok {
		return o.extra[name]
	}
	for k := range o.made {
		if o.made[k].index == i {
			return o.made[k].value
		}
	}
	prop := &o.shape.props[i]
	value := prop.Make(o.state)
	if prop.Live {
		return value
	}
	o.made = append(o.made, madeProp{i, value})
	return value
}

func (o *shaped[T]) Set(name string, value goja.Value) bool {
	if o.shape.fixed {
		return false
	}
	i, ok := o.shape.index[name]
	if !ok {
		if o.extra == nil {
			o.extra = make(map[string]goja.Value)
		}
		if _, known := o.extra[name]; !known {
			o.order = append(o.order, name)
		}
		o.extra[name] = value
		return true
	}
	for k := range o.made {
		if o.made[k].index == i {
			o.made[k].value = value
			return true
		}
	}
	o.made = append(o.made, madeProp{i, value})
	return true
}

func (o *shaped[T]) Has(name string) bool {
	if _, ok := o.shape.index[name]; ok {
		return true
	}
	_, ok := o.extra[name]
	return ok
}

func (o *shaped[T]) Delete(name string) bool {
	if _, ok := o.shape.index[name]; ok {
		return false
	}
	if _, ok := o.extra[name]; ok {
		delete(o.extra, name)
		o.order = slices.DeleteFunc(o.order, func(s string) bool { return s == name })
	}
	return true
}

func (o *shaped[T]) Keys() []string {
	names := make([]string, 0, len(o.shape.props)+len(o.order))
	for _, p := range o.shape.props {
		names = append(names, p.Name)
	}
	return append(names, o.order...)
}

// Func makes a native function that scripts see as name with length
// parameters. It must be used for every function given to scripts: goja itself
// would show the Go function's name.
func (v *VU) Func(name string, length int, f func(goja.FunctionCall) goja.Value) *goja.Object {
	fn := v.rt.ToValue(f).(*goja.Object)
	v.rename(fn, name, length)
	return fn
}

// Constructor makes a native constructor that scripts see as name.
func (v *VU) Constructor(name string, length int, f func(goja.ConstructorCall) *goja.Object) *goja.Object {
	fn := v.rt.ToValue(f).(*goja.Object)
	v.rename(fn, name, length)
	return fn
}

func (v *VU) rename(fn *goja.Object, name string, length int) {
	// Neither can fail: both properties of a fresh function are configurable.
	_ = fn.DefineDataProperty("name", v.rt.ToValue(name), goja.FLAG_FALSE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	if length != 0 {
		_ = fn.DefineDataProperty("length", v.rt.ToValue(length), goja.FLAG_FALSE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	}
}

// Bool returns the JavaScript value of b.
func (v *VU) Bool(b bool) goja.Value { return v.rt.ToValue(b) }
