package sandbox

import "github.com/dop251/goja"

// belongings are what only some scripts need of their runtime.
type belongings struct {
	env    *goja.Object // __ENV; nil until read
	locals []local
}

type local struct{ key, value any }

// Local returns what is kept in v under key, which make makes when it is asked
// for first. It is for what several modules share in one VU, such as
// prototypes. What is kept belongs to the runtime: with a new one it is gone.
// Keys are compared as Go compares them; use a type of the package that makes
// the value.
func (v *VU) Local(key any, make func() any) any {
	own := v.belongings()
	for i := range own.locals {
		if own.locals[i].key == key {
			return own.locals[i].value
		}
	}
	value := make()
	own.locals = append(own.locals, local{key, value})
	return value
}

func (v *VU) belongings() *belongings {
	if v.own == nil {
		v.own = new(belongings)
	}
	return v.own
}
