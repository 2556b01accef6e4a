package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/jsmodules"
	"github.com/swarmload/swarm/sandbox"
	"github.com/swarmload/swarm/sandbox/bundle"
	"github.com/swarmload/swarm/sandbox/egress"
)

// hostModules tells the bundler what scripts may import beside files.
func hostModules() []bundle.HostModule {
	var out []bundle.HostModule
	for _, m := range jsmodules.Builtin() {
		h := bundle.HostModule{Names: m.Names}
		for _, name := range m.Exports {
			if name == "default" {
				h.HasDefault = true
			} else {
				h.Exports = append(h.Exports, name)
			}
		}
		out = append(out, h)
	}
	return out
}

// runnerConfig is the JavaScript side of a runner, the same whether it is a
// process of its own or not. keyLog takes the secrets of TLS sessions; nil:
// nobody does.
func runnerConfig(keyLog io.Writer) cluster.RunnerConfig {
	return cluster.RunnerConfig{Load: func(b *bundle.Bundle) (cluster.Loaded, error) {
		s, err := sandbox.Compile(b, jsmodules.Builtin(), jsmodules.Globals())
		if err != nil {
			return nil, err
		}
		return &loaded{script: s, keyLog: keyLog}, nil
	}}
}

// loaded lets the cluster drive a script without knowing the sandbox.
type loaded struct {
	script *sandbox.Script
	keyLog io.Writer
}

func (l *loaded) host(h cluster.RunnerHost) *sandbox.Host {
	return &sandbox.Host{
		Registry: h.Registry,
		Env:      h.Env,
		Seed:     h.Seed,
		Now:      time.Now,
		Dial:     offline,
		Test:     test{h},

		SocketError: h.SocketError,
		Sleepers:    h.Sleepers,
		Log: func(line sandbox.LogLine) {
			h.Log(cluster.LogLine{
				Level: line.Level, Text: line.Text, Source: line.Source, Scenario: line.Scenario, VU: line.VU,
				At: line.At, Hint: line.Hint,
			})
		},
	}
}

// test lets a script speak of the test it is part of. It satisfies sandbox.Test.
type test struct{ host cluster.RunnerHost }

func (t test) Abort(reason string) { t.host.Abort(reason) }
func (t test) Fail(reason string)  { t.host.Fail(reason) }

// Status tells a script where its runner's load stands.
func (t test) Status() sandbox.Status {
	now := t.host.Status()
	out := sandbox.Status{Elapsed: now.Elapsed, VUs: now.VUs, VUsMax: now.VUsMax}
	for _, s := range now.Scenarios {
		out.Complete += s.Complete
		out.Interrupted += s.Interrupted
		out.Scenarios = append(out.Scenarios, sandbox.ScenarioStatus{Name: s.Name, Elapsed: s.Elapsed, Progress: s.Progress})
	}
	return out
}

func (l *loaded) Inspect(ctx context.Context, h cluster.RunnerHost) (cluster.Inspection, error) {
	in, err := l.script.Inspect(ctx, l.host(h))
	return cluster.Inspection{Options: in.Options, Exports: in.Exports, Metrics: in.Metrics}, err
}

func (l *loaded) Program(h cluster.RunnerHost, p *plan.Plan) (vu.Script, error) {
	dialer, err := newDialer(&p.HTTP)
	if err != nil {
		return nil, err
	}
	host := l.host(h)
	host.Plan = p
	host.Dial, host.DialPacket = dialer.Dial, dialer.DialPacket
	host.CheckHost, host.Permit, host.Resolve = dialer.CheckHost, dialer.Permit, dialer.Resolve
	host.KeyLog = l.keyLog
	return l.script.Program(host)
}

// offline is how a script connects whose options nobody knows yet.
func offline(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("there is no network before the options are settled")
}

// checkPlan reports whether runners can do what a plan asks of them, before one
// is asked to.
func checkPlan(p *plan.Plan) error {
	if _, err := newDialer(&p.HTTP); err != nil {
		return err
	}
	return jsmodules.Check(p)
}

// newDialer returns what opens all connections of a runner. An error is a
// *plan.Fault.
func newDialer(h *plan.HTTP) (*egress.Dialer, error) {
	o := egress.Options{
		BlockHosts:  h.BlockHostnames,
		UnixSockets: h.UnixSockets,
		TTL:         h.DNS.TTL,
		Select:      egress.Select(h.DNS.Select),
		Policy:      egress.Policy(h.DNS.Policy),
	}
	for _, text := range h.BlacklistIPs {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, &plan.Fault{Path: []string{"blacklistIPs"}, Message: err.Error()}
		}
		o.Blacklist = append(o.Blacklist, network)
	}
	for _, text := range h.LocalIPs {
		addresses, err := egress.ParseRange(text)
		if err != nil {
			return nil, &plan.Fault{Path: []string{"localIPs"}, Message: err.Error()}
		}
		o.LocalAddrs = append(o.LocalAddrs, addresses)
	}
	d, err := egress.New(o)
	if err != nil {
		return nil, &plan.Fault{Message: "options of the network: " + err.Error()}
	}
	return d, nil
}
