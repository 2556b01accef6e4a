package sandbox

import "github.com/dop251/goja"

// Class is a constructor of host objects and the prototype of what it makes.
type Class struct {
	Constructor *goja.Object
	prototype   *goja.Object
}

// NewClass makes a class that scripts see as name. Its methods are those of the
// shape, made for state when they are first read. construct makes a fresh object
// for what a script passed to new, or throws.
func NewClass[T any](v *VU, name string, length int, methods *Shape[T], state T, construct func(goja.ConstructorCall) *goja.Object) *Class {
	c := &Class{prototype: methods.New(v, state)}
	c.Constructor = v.Constructor(name, length, func(call goja.ConstructorCall) *goja.Object {
		o := construct(call)
		prototype := c.prototype
		if call.NewTarget != nil { // a subclass's, perhaps
			prototype = call.This.Prototype()
		}
		_ = o.SetPrototype(prototype) // a fresh object takes any
		return o
	})
	// What a Shape cannot have, or should not list, stands behind it.
	behind := v.rt.NewObject()
	_ = behind.DefineDataProperty("constructor", c.Constructor, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	_ = behind.DefineDataPropertySymbol(goja.SymToStringTag, v.rt.ToValue(name), goja.FLAG_FALSE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	_ = c.prototype.SetPrototype(behind)
	_ = c.Constructor.DefineDataProperty("prototype", c.prototype, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE)
	return c
}

// Adopt makes o, which is fresh, an object of the class.
func (c *Class) Adopt(o *goja.Object) *goja.Object {
	_ = o.SetPrototype(c.prototype) // a fresh object takes any
	return o
}

// Symbol gives all objects of the class a method under a symbol, listed nowhere.
func (c *Class) Symbol(symbol *goja.Symbol, method goja.Value) {
	_ = c.prototype.Prototype().DefineDataPropertySymbol(symbol, method, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
}
