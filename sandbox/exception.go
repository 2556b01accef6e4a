package sandbox

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/vu"
)

// What is kept of an exception. Scripts choose these texts, and one may come
// out of every iteration.
const (
	maxFrames  = 20
	maxName    = 100
	maxMessage = 4096
)

// failure turns an error that came out of goja into one of the kinds the
// engine knows.
func (v *VU) failure(err error) error {
	v.rejected = nil
	v.loop.reset()
	if ended := v.ctx.Err(); ended != nil {
		// Whatever the script made of it, the cause is the end of the context.
		v.checkIdle()
		return &vu.Interrupted{Cause: context.Cause(v.ctx)}
	}
	if v.aborted != nil {
		v.checkIdle()
		return &vu.Interrupted{Cause: v.aborted}
	}
	var (
		interrupted *goja.InterruptedError
		overflow    *goja.StackOverflowError
		thrown      *goja.Exception
	)
	switch {
	case errors.As(err, &interrupted):
		v.checkIdle()
		return &vu.Interrupted{Cause: context.Canceled}
	case errors.As(err, &overflow):
		v.checkIdle()
		return &vu.Exception{
			Name:    "RangeError",
			Message: "maximum call stack size exceeded",
			Stack:   v.frames(overflow.Stack()),
		}
	case errors.As(err, &thrown):
		e := v.exception(thrown)
		if v.ctx.Err() != nil {
			v.checkIdle()
			return &vu.Interrupted{Cause: context.Cause(v.ctx)}
		}
		return e
	}
	return err
}

// checkIdle marks the runtime stale if an uncatchable error left calls open in
// it, as goja does when the error passes through an async function. Promise
// jobs would never run again.
func (v *VU) checkIdle() {
	// goja gives the slice room for every open call and one more, and leaves
	// out of it those that a script would not recognise.
	if cap(v.rt.CaptureCallStack(0, nil)) > 1 {
		v.stale = true
	}
}

// exception describes what the script threw. Reading an error's name and
// message may run getters of the script, which may do anything but escape:
// what they throw is dropped and the context interrupts them.
func (v *VU) exception(thrown *goja.Exception) *vu.Exception {
	e := &vu.Exception{Stack: v.frames(thrown.Stack())}
	value := thrown.Value()
	obj, ok := value.(*goja.Object)
	if ok && v.isError(obj) {
		e.Name = Clip(v.property(obj, "name"), maxName)
		e.Message = Clip(v.property(obj, "message"), maxMessage)
		if e.Name == "" {
			e.Name = "Error"
		}
		return e
	}
	e.Name = "uncaught"
	e.Message = Clip(v.Describe(value), maxMessage)
	return e
}

// isError reports whether obj is an Error or looks like one.
func (v *VU) isError(obj *goja.Object) (yes bool) {
	if obj.ClassName() == "Error" {
		return true
	}
	v.quietly(func() {
		message := obj.Get("message")
		_, isString := message.(goja.String)
		yes = isString && obj.Get("name") != nil
	})
	return yes
}

// property returns a property of the script's object as text, "" when reading it fails.
func (v *VU) property(obj *goja.Object, name string) (text string) {
	v.quietly(func() {
		if value := obj.Get(name); value != nil && !goja.IsUndefined(value) {
			text = value.String()
		}
	})
	return text
}

// Describe renders any value for a message or a log line: strings as they are,
// errors as "name: message", other objects as JSON. It does not throw.
func (v *VU) Describe(value goja.Value) (text string) {
	if value == nil {
		return "undefined"
	}
	if symbol, ok := value.(*goja.Symbol); ok {
		return "Symbol(" + symbol.String() + ")"
	}
	obj, ok := value.(*goja.Object)
	if !ok {
		return value.String()
	}
	if _, callable := goja.AssertFunction(obj); callable {
		return "a function"
	}
	if v.isError(obj) {
		if text = v.property(obj, "message"); text == "" {
			return v.property(obj, "name")
		}
		return v.property(obj, "name") + ": " + text
	}
	v.quietly(func() {
		if json, err := obj.MarshalJSON(); err == nil {
			text = string(json)
		}
	})
	if text == "" {
		v.quietly(func() { text = obj.String() })
	}
	if text == "" {
		return "an object"
	}
	return text
}

// quietly runs f, which reads the script's objects, and drops what it throws.
// A panic that leaves the runtime in an unknown state marks it stale.
func (v *VU) quietly(f func()) {
	defer func() {
		switch recover().(type) {
		case nil, *goja.InterruptedError, *goja.StackOverflowError:
		default:
			v.stale = true
		}
	}()
	_ = v.rt.Try(f)
}

// frames keeps those frames that are in the author's files.
func (v *VU) frames(stack []goja.StackFrame) []vu.Frame {
	var frames []vu.Frame
	for i := range stack {
		if len(frames) == maxFrames {
			break
		}
		at := stack[i].Position()
		name, ok := v.program.script.sources[at.Filename]
		if !ok {
			continue
		}
		frames = append(frames, vu.Frame{
			Function: functionName(stack[i].FuncName()),
			File:     name,
			Line:     at.Line,
			Column:   at.Column,
		})
	}
	return frames
}

// Where returns the place in the author's files that runs now; the zero Frame
// when none does. It walks the stack: not for a hot path.
func (v *VU) Where() vu.Frame {
	if frames := v.frames(v.rt.CaptureCallStack(0, nil)); len(frames) > 0 {
		return frames[0]
	}
	return vu.Frame{}
}

// Mark is a place that runs, for a message that may come later. Taking one is
// cheap; it is looked up when it is asked for.
type Mark struct {
	room  [4]goja.StackFrame
	stack []goja.StackFrame
}

// Mark notes the place that runs now.
func (v *VU) Mark() *Mark {
	m := new(Mark)
	m.stack = v.rt.CaptureCallStack(len(m.room), m.room[:0])
	return m
}

// At returns the place that m was taken at, as Where does.
func (v *VU) At(m *Mark) vu.Frame {
	if frames := v.frames(m.stack); len(frames) > 0 {
		return frames[0]
	}
	return vu.Frame{}
}

// functionName undoes the names the bundler gives to what has none.
func functionName(name string) string {
	switch {
	case name == "<anonymous>":
		return ""
	case strings.HasSuffix(name, "_default"):
		return "default"
	}
	return name
}

// Clip bounds text to n bytes and marks that it was cut.
func Clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}

// Throw raises a JavaScript exception in the running script: an Error object
// whose name is kind ("TypeError", "Error", "HTTPError", …). It does not return.
func (v *VU) Throw(kind, message string) {
	panic(v.NewError(kind, message))
}

// NewError makes the Error object that Throw throws.
func (v *VU) NewError(kind, message string) *goja.Object {
	// A script may have replaced the constructors; then a TypeError will do.
	for _, constructor := range []string{kind, "Error"} {
		value := v.rt.GlobalObject().Get(constructor)
		if value == nil {
			continue
		}
		obj, err := v.rt.New(value, v.rt.ToValue(message))
		if err != nil || obj.ClassName() != "Error" {
			continue
		}
		if constructor != kind {
			_ = obj.DefineDataProperty("name", v.rt.ToValue(kind), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
		}
		return obj
	}
	return v.rt.NewTypeError("%s", message)
}
