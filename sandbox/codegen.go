package sandbox

import (
	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"
)

// refuseCodeGeneration closes every way from a string to code at once.
//
// eval, Function, and the constructors of async, generator and all other
// functions that a script can reach through prototype chains, in the form of
// call, construct, Reflect.construct or bind, end in the one compile step of
// the runtime, which applies the runtime's parser options first. An option
// that throws therefore stands behind all of them, whatever chain leads there,
// and costs a VU one closure. `Function` stays readable, since libraries read
// Function.prototype and test instanceof Function.
func refuseCodeGeneration(rt *goja.Runtime) {
	rt.SetParserOptions(onParse(parser.WithDisableSourceMaps, func() {
		panic(rt.NewTypeError("code cannot be made from strings here: eval and Function are not available"))
	}))
}

// onParse returns a parser option that calls f. The type that options apply to
// is not exported; it is inferred from like, an option of goja's own.
func onParse[T any](like func(*T), f func()) func(*T) {
	return func(o *T) {
		like(o)
		f()
	}
}
