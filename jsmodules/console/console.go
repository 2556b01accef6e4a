// Package console is the global console. Long lines are cut; how many lines a
// second reach the user is the business of whoever takes them, Host.Log.
package console

import (
	"strings"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/sandbox"
)

const maxLine = 16 << 10 // bytes

// Global describes the console.
func Global() sandbox.Global {
	return sandbox.Global{Name: "console", Load: load}
}

func load(*sandbox.Host) (func(*sandbox.VU) goja.Value, error) {
	method := func(name, level string) sandbox.Prop[*sandbox.VU] {
		return sandbox.Prop[*sandbox.VU]{Name: name, Make: func(v *sandbox.VU) goja.Value {
			return v.Func(name, 0, func(call goja.FunctionCall) goja.Value {
				v.Log(level, "console", line(v, call.Arguments))
				return goja.Undefined()
			})
		}}
	}
	shape := sandbox.NewShape(
		method("log", "info"),
		method("info", "info"),
		method("warn", "warn"),
		method("error", "error"),
		method("debug", "debug"),
	)
	return func(v *sandbox.VU) goja.Value { return shape.New(v, v) }, nil
}

// line joins the arguments with spaces: strings as they are, other values as JSON.
func line(v *sandbox.VU, args []goja.Value) string {
	var b strings.Builder
	for i, arg := range args {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(v.Describe(arg))
		if b.Len() > maxLine {
			break
		}
	}
	return sandbox.Clip(b.String(), maxLine)
}
