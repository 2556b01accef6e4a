// Package jsmodules lists what scripts can import and which globals they have.
package jsmodules

import (
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/jsmodules/console"
	"github.com/swarmload/swarm/jsmodules/core"
	"github.com/swarmload/swarm/jsmodules/execution"
	"github.com/swarmload/swarm/jsmodules/fetch"
	"github.com/swarmload/swarm/jsmodules/html"
	"github.com/swarmload/swarm/jsmodules/http"
	"github.com/swarmload/swarm/jsmodules/metrics"
	"github.com/swarmload/swarm/jsmodules/sse"
	"github.com/swarmload/swarm/jsmodules/summary"
	"github.com/swarmload/swarm/sandbox"
)

// Builtin returns the modules that are part of the binary.
func Builtin() []sandbox.Module {
	return []sandbox.Module{
		core.Module(),
		execution.Module(),
		html.Module(),
		http.Module(),
		metrics.Module(),
		sse.Module(),
		summary.Module(),
	}
}

// Globals returns the globals that are part of the binary, beside those of the
// language and of the sandbox itself (__ENV, __VU, __ITER, global, require).
func Globals() []sandbox.Global {
	return append([]sandbox.Global{
		console.Global(),
	}, fetch.Globals()...)
}

// Check reports whether the modules can do what a plan asks of them. An error is
// a *plan.Fault that names the option.
func Check(p *plan.Plan) error { return http.Check(&p.HTTP) }
