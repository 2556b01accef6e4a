package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/summary"
)

// The plot has a coordinate system of its own, which the browser stretches to
// the room there is; strokes keep their width.
const (
	plotWidth  = 1000
	plotHeight = 200
)

// drawing collects SVG. Only numbers and our own words go into it unescaped.
type drawing struct{ strings.Builder }

func (d *drawing) put(format string, a ...interface{}) { fmt.Fprintf(d, format, a...) }

func (d *drawing) html() template.HTML { return template.HTML(d.String()) }

// coordinate writes a number with as many digits as a pixel needs.
func coordinate(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// plot draws the plotting area: grid, marked spans, what fill draws, and lines.
func plot(c *chart, b bins, marks []health.Mark) template.HTML {
	var d drawing
	d.put(`<svg class="plot" viewBox="0 0 %d %d" preserveAspectRatio="none" aria-hidden="true"><g>`, plotWidth, plotHeight)
	for _, t := range c.scale.ticks {
		y := coordinate((1 - t.at) * plotHeight)
		d.put(`<line class="grid" x1="0" x2="%d" y1="%s" y2="%s"/>`, plotWidth, y, y)
	}
	d.WriteString(`</g>`)
	for _, m := range slowSpans(b, marks) {
		// A span of a second in an hour must still be seen.
		d.put(`<rect class="mark" x="%s" y="0" width="%s" height="%d"><title>%s</title></rect>`, coordinate(m.from*plotWidth),
			coordinate(max((m.to-m.from)*plotWidth, 1.5)), plotHeight, html.EscapeString("generator slow: "+strings.Join(m.causes, ", ")))
	}
	d.WriteString(string(c.fill))
	for i := range c.lines {
		d.put(`<path class="line %s" d="%s"/>`, c.lines[i].look, path(c.lines[i].values, b, c.scale))
	}
	d.WriteString(`</svg>`)
	return d.html()
}

// slowSpan is where the generator was slow, on the horizontal axis.
type slowSpan struct {
	from, to float64
	causes   []string
}

// slowSpans joins marks, sorted by their beginnings, that overlap.
func slowSpans(b bins, marks []health.Mark) (all []slowSpan) {
	for _, m := range marks {
		from, to, cause := b.place(m.From), b.place(m.To), summary.CauseName(m.Cause)
		last := len(all) - 1
		switch {
		case to <= from:
		case last >= 0 && from <= all[last].to:
			all[last].to = max(all[last].to, to)
			if !slices.Contains(all[last].causes, cause) {
				all[last].causes = append(all[last].causes, cause)
			}
		default:
			all = append(all, slowSpan{from, to, []string{cause}})
		}
	}
	return all
}

// place puts a moment on the horizontal axis, from 0 to 1.
func (b bins) place(at time.Duration) float64 {
	return min(max(float64(at)/float64(b.took), 0), 1)
}

// path draws a line through the middles of the bins. A value with none beside
// it, as in a run of a second, is as wide as its bin: a point would be lost.
func path(values []float64, at bins, s scale) string {
	var b strings.Builder
	open := false
	for i, v := range values {
		if math.IsNaN(v) {
			open = false
			continue
		}
		x, y := coordinate(at.place(at.middle(i))*plotWidth), coordinate((1-s.at(v))*plotHeight)
		switch {
		case !open && (i+1 == len(values) || math.IsNaN(values[i+1])):
			edge := func(i int) string { return coordinate(at.place(at.from(i)) * plotWidth) }
			b.WriteString("M" + edge(i) + " " + y + "H" + edge(i+1))
		case !open:
			b.WriteString("M" + x + " " + y)
		default:
			b.WriteString("L" + x + " " + y)
		}
		open = true
	}
	return b.String()
}

// yAxis draws the labels left of the plot.
func yAxis(s scale) template.HTML {
	var d drawing
	d.put(`<svg class="y" aria-hidden="true">`)
	for _, t := range s.ticks {
		d.put(`<text x="100%%" y="%s%%" dx="-6" dy="%s">%s</text>`, coordinate((1-t.at)*100), nudge(t.at), html.EscapeString(t.label))
	}
	d.WriteString(`</svg>`)
	return d.html()
}

// nudge keeps the outermost labels inside.
func nudge(at float64) string {
	switch {
	case at > 0.97:
		return "0.72em"
	case at < 0.03:
		return "0"
	}
	return "0.35em"
}

// xAxis draws the labels below the plot.
func xAxis(took time.Duration) template.HTML {
	var d drawing
	d.put(`<svg class="x" aria-hidden="true">`)
	for _, t := range clock(took) {
		anchor := "middle"
		switch {
		case t.at < 0.02:
			anchor = "start"
		case t.at > 0.98:
			anchor = "end"
		}
		d.put(`<text x="%s%%" y="1em" text-anchor="%s">%s</text>`, strconv.FormatFloat(math.Round(t.at*1e4)/100, 'f', -1, 64), anchor, html.EscapeString(t.label))
	}
	d.WriteString(`</svg>`)
	return d.html()
}

// shades draws the levels of a heat map.
func shades() template.HTML {
	var d drawing
	d.put(`<svg class="swatch shades" viewBox="0 0 80 8" preserveAspectRatio="none" aria-hidden="true">`)
	for level := range heatLevels {
		d.put(`<rect class="heat h%d" x="%d" width="10" height="8"/>`, level+1, level*10)
	}
	d.WriteString(`</svg>`)
	return d.html()
}

// swatch draws what a line looks like.
func swatch(look string) template.HTML {
	var d drawing
	d.put(`<svg class="swatch" viewBox="0 0 24 8" aria-hidden="true"><path class="line %s" d="M0 4H24"/></svg>`, look)
	return d.html()
}
