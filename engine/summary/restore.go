package summary

import (
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/threshold"
)

// Restore completes a summary that was read from JSON: of what a threshold is
// about JSON has the name alone, the plan of the run also type and unit. With
// them it prints as it did when it was written.
func (s *Summary) Restore(p *plan.Plan) {
	if p == nil {
		return
	}
	metrics := map[string]metric.Metric{}
	for _, t := range p.Thresholds {
		metrics[threshold.FormatSelector(t.Metric, t.Filter)] = metric.Metric{Name: t.Metric, Type: t.Type, Unit: t.Unit}
	}
	for i := range s.Thresholds {
		if m, ok := metrics[s.Thresholds[i].Name]; ok {
			s.Thresholds[i].Metric = m
		}
	}
}
