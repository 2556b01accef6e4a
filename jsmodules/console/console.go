// Package console is the global console. What scripts print is bounded: long
// lines are cut, and an endless loop of console.log costs a fixed number of
// lines a second and a count of the rest.
package console

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/sandbox"
)

const (
	maxLine      = 16 << 10 // bytes
	maxPerSecond = 1000     // lines of all VUs of a runner
)

// Global describes the console.
func Global() sandbox.Global {
	return sandbox.Global{Name: "console", Load: load}
}

func load(h *sandbox.Host) (func(*sandbox.VU) goja.Value, error) {
	limit := &limiter{now: h.Now, log: h.Log}
	if limit.now == nil {
		limit.now = time.Now
	}
	method := func(name, level string) sandbox.Prop[*sandbox.VU] {
		return sandbox.Prop[*sandbox.VU]{Name: name, Make: func(v *sandbox.VU) goja.Value {
			return v.Func(name, 0, func(call goja.FunctionCall) goja.Value {
				if limit.allow() {
					v.Log(level, "console", line(v, call.Arguments))
				}
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

// limiter lets a number of lines through in each second and tells how many it held back.
type limiter struct {
	now func() time.Time
	log func(sandbox.LogLine)

	mu     sync.Mutex
	second time.Time // when the current second began
	lines  int       // let through in it
	held   int       // held back in it
}

func (l *limiter) allow() bool {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.second) >= time.Second {
		l.tell()
		l.second, l.lines = now, 0
	}
	if l.lines < maxPerSecond {
		l.lines++
		return true
	}
	if l.held == 0 {
		// The script may never print again, so the count comes by a timer too.
		second := l.second
		time.AfterFunc(time.Second, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.second.Equal(second) {
				l.tell()
			}
		})
	}
	l.held++
	return false
}

// tell logs how many lines were held back. The caller holds mu.
func (l *limiter) tell() {
	if l.held > 0 && l.log != nil {
		l.log(sandbox.LogLine{Level: "warn", Source: "console", Text: fmt.Sprintf("… %d lines suppressed: the console takes %d lines a second", l.held, maxPerSecond)})
	}
	l.held = 0
}
