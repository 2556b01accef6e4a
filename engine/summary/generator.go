package summary

import (
	"cmp"
	"slices"
	"time"

	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/metric"
)

// generator sums up how the load generator did.
func generator(in Input) Generator {
	cpu, _ := in.Set.Select(metric.GeneratorCPU, metric.Tags{})
	memory, _ := in.Set.Select(metric.GeneratorMemory, metric.Tags{})
	lag, _ := in.Set.Select(metric.GeneratorLag, metric.Tags{})
	pause, _ := in.Set.Select(metric.GeneratorGCPause, metric.Tags{})
	g := Generator{
		Known:        cpu.Count > 0 || lag.Count > 0 || len(in.Marks) > 0,
		CPU:          meanCPU(in),
		CPUMax:       cpu.Max,
		Memory:       memory.Max,
		LagP99:       lag.Percentile(99),
		LagMax:       lag.Max,
		GCMax:        pause.Max,
		SocketErrors: uint64(max(total(in.Set, metric.GeneratorSocketErrors), 0)),
		Marks:        orEmpty(in.Marks),
	}
	slices.SortStableFunc(g.Marks, func(a, b health.Mark) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Runner, b.Runner))
	})
	g.Marked = covered(g.Marks, in.Duration)
	return g
}

// meanCPU averages the gauge over time and runners.
func meanCPU(in Input) float64 {
	if in.Timeline == nil {
		return 0
	}
	sum, n := 0.0, 0
	for series := range in.Timeline.Series(metric.GeneratorCPU) {
		for point := range series.Points() {
			sum += point.Agg.Last
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

// covered returns how much of the load, which took so long, lies under a mark.
// Marks are sorted by From; those of several runners overlap.
func covered(marks []health.Mark, took time.Duration) (sum time.Duration) {
	end := time.Duration(0)
	for _, m := range marks {
		from, to := max(m.From, end), min(m.To, took)
		if to > from {
			sum += to - from
		}
		end = max(end, to)
	}
	return sum
}

// Saturated reports whether the generator was slow for so much of a run that
// took so long that its numbers say something else than they seem to: a second
// at least, and half a percent.
func (g Generator) Saturated(took time.Duration) bool {
	return g.Marked >= time.Second && g.Marked >= took/200
}

// doubtful reports whether a generator whose timers are that late may well have
// made requests as slow as they were; times in milliseconds. A process with
// nothing to do wakes from its timers up to a millisecond late: twice that
// proves nothing.
func doubtful(lagP99 float64, requests Request) bool {
	return requests.Count > 0 && lagP99 > 2 && lagP99 > requests.P95/2
}

// Causes returns, gravest first, what the marks are due to, in words.
func (g Generator) Causes() []string {
	var all []string
	for _, c := range []health.Cause{health.Sockets, health.CPU, health.GC, health.Lag} {
		if slices.ContainsFunc(g.Marks, func(m health.Mark) bool { return m.Cause == c }) {
			all = append(all, CauseName(c))
		}
	}
	return all
}

// CauseName says in words what made the generator slow.
func CauseName(c health.Cause) string {
	switch c {
	case health.Sockets:
		return "no sockets left"
	case health.CPU:
		return "no processor time left"
	case health.GC:
		return "garbage collection"
	case health.Lag:
		return "late timers"
	}
	return "another cause" // a later version's: the name is not repeated, it comes from a runner
}
