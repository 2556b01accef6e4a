package report

import (
	"html/template"
	"math"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/result"
)

const (
	heatColumns = 150
	heatRows    = 30
	heatLevels  = 8
)

// heatMap shows how response times were distributed over time: the darker a
// field, the more requests took so long. Each field is a count of the
// histograms, nothing is estimated.
func heatMap(r *result.Result) *chart {
	name := metric.HTTPReqDuration
	if !present(r.Summary, name) {
		name = metric.IterationDuration
	}
	b := binsOf(r, heatColumns)
	all := b.merged(name)
	var whole metric.Aggregate
	for i := range all {
		if all[i].Count > 0 {
			whole.Merge(&all[i])
		}
	}
	low, high := whole.Percentile(0.1), whole.Max
	if whole.Count == 0 || !(high > 0) {
		return nil
	}
	if !(low > 0) {
		low = high / 1000
	}
	s := logarithmic(min(low, high/2), high*1.02, times)
	counts := make([][heatRows]uint64, b.n)
	var most uint64
	for i := range all {
		for index, count := range all[i].Hist.Buckets() {
			row := min(int(s.at(metric.BucketValue(index))*heatRows), heatRows-1)
			counts[i][row] += count
			most = max(most, counts[i][row])
		}
	}
	c := &chart{ID: "heat", Title: "Distribution of response times", Wide: true, kind: "ms", scale: s}
	if name == metric.IterationDuration {
		c.Title = "Distribution of iteration durations"
	}
	c.fill = fields(counts, most, b)
	c.Shades = shades()
	c.Most = figure.Counted(most, "sample") + " in " + b.step.String()
	c.Alt = c.Title + " over time, as a heat map: from " + c.value(whole.Min) + " to " + c.value(whole.Max) + ", half of them below " + c.value(whole.Percentile(50))
	return c
}

// fields draws the counts: a path for each level, in which neighbours in a row
// are one rectangle.
func fields(counts [][heatRows]uint64, most uint64, b bins) template.HTML {
	paths := make([]drawing, heatLevels)
	const height = plotHeight / float64(heatRows)
	x := func(i int) string { return coordinate(b.place(b.from(i)) * plotWidth) }
	for row := range heatRows {
		for i := 0; i < len(counts); {
			level := heat(counts[i][row], most)
			from := i
			for i < len(counts) && heat(counts[i][row], most) == level {
				i++
			}
			if level > 0 {
				paths[level-1].put("M%s %sH%sv%sH%sz", x(from), coordinate(float64(heatRows-1-row)*height), x(i), coordinate(height), x(from))
			}
		}
	}
	var d drawing
	for level := range paths {
		if paths[level].Len() > 0 {
			d.put(`<path class="heat h%d" d="%s"/>`, level+1, paths[level].String())
		}
	}
	return d.html()
}

// heat returns the level of a count, 0 of none: the square root, so that rare
// but slow requests are seen beside the many.
func heat(count, most uint64) int {
	if count == 0 {
		return 0
	}
	return min(1+int(math.Sqrt(float64(count)/float64(most))*heatLevels), heatLevels)
}
