package summary

import (
	"math"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/metric"
)

// quantity writes a value of a metric.
func quantity(v float64, u metric.Unit, timeUnit string) string {
	switch u {
	case metric.Time:
		return figure.MillisecondsIn(timeUnit, v)
	case metric.Data:
		return figure.Size(v)
	}
	if v == math.Trunc(v) || math.Abs(v) >= 1e6 {
		return figure.Short(v)
	}
	return figure.Plain(figure.Round(v, 4))
}
