package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/inert"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/result"
)

// columns of the CSV. Tags that nearly every series has get one of their own;
// the others stand together as key=value.
var ownColumns = [...]string{"scenario", "group", "method", "name", "status"}

func header() []string {
	all := []string{"time", "elapsed_s", "interval_s", "metric", "type", "unit"}
	all = append(all, ownColumns[:]...)
	return append(all, "tags", "count", "rate", "sum", "min", "mean", "p50", "p95", "p99", "max", "last", "share")
}

// WriteCSV writes the time series: a line for each interval of each series, by
// metric and tags. Times are milliseconds, data is bytes, shares are from 0 to
// 1; a cell without meaning for the type of metric is empty. No cell can be
// taken for a formula.
func WriteCSV(w io.Writer, r *result.Result) error {
	out := csv.NewWriter(w)
	if err := out.Write(header()); err != nil {
		return fmt.Errorf("report as CSV: %w", err)
	}
	if r.Timeline != nil {
		for _, m := range r.Timeline.Metrics() {
			for series := range r.Timeline.Series(m.Name) {
				if err := writeSeries(out, r, series.Metric, labels(series.Tags), func(yield func(time.Duration, *metric.Aggregate) bool) {
					for p := range series.Points() {
						if !yield(p.At, p.Agg) {
							return
						}
					}
				}); err != nil {
					return fmt.Errorf("report as CSV: %w", err)
				}
			}
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("report as CSV: %w", err)
	}
	return nil
}

// labels are the cells of a series' tags.
func labels(tags metric.Tags) []string {
	cells := make([]string, len(ownColumns))
	var others []metric.Tag
	for key, value := range tags.All() {
		own := false
		for i, column := range ownColumns {
			if key == column {
				cells[i], own = text(value), true
			}
		}
		if !own {
			others = append(others, metric.Tag{Key: key, Value: value})
		}
	}
	return append(cells, text(metric.NewTags(others...).String()))
}

// text makes a cell inert: nothing that cannot be seen, and nothing a
// spreadsheet takes for a formula.
func text(s string) string {
	s = inert.Line(s)
	if s != "" && strings.ContainsRune("=+-@|%", rune(s[0])) {
		return "'" + s
	}
	// Signs of full width count too.
	for _, sign := range []string{"＝", "＋", "－", "＠"} {
		if strings.HasPrefix(s, sign) {
			return "'" + s
		}
	}
	return s
}

func writeSeries(out *csv.Writer, r *result.Result, m metric.Metric, labels []string, points func(yield func(time.Duration, *metric.Aggregate) bool)) error {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', 10, 64) }
	step := r.Timeline.Resolution()
	unit := map[metric.Unit]string{metric.Time: "ms", metric.Data: "bytes"}[m.Unit]
	for at, agg := range points {
		row := []string{
			r.Timeline.Start().Add(at).UTC().Format("2006-01-02T15:04:05.000Z"), number(at.Seconds()), number(step.Seconds()),
			m.Name, m.Type.String(), unit,
		}
		row = append(row, labels...)
		var rate, sum, low, mean, p50, p95, p99, high, last, share string
		switch m.Type {
		case metric.Counter:
			sum, rate = number(agg.Sum), number(agg.Sum/step.Seconds())
		case metric.Gauge:
			low, high, last = number(agg.Min), number(agg.Max), number(agg.Last)
		case metric.Rate:
			share, rate = number(agg.Share()), number(float64(agg.Count)/step.Seconds())
		case metric.Trend:
			sum, low, mean, high = number(agg.Sum), number(agg.Min), number(agg.Mean()), number(agg.Max)
			p50, p95, p99 = number(agg.Percentile(50)), number(agg.Percentile(95)), number(agg.Percentile(99))
			rate = number(float64(agg.Count) / step.Seconds())
		}
		row = append(row, strconv.FormatUint(agg.Count, 10), rate, sum, low, mean, p50, p95, p99, high, last, share)
		if err := out.Write(row); err != nil {
			return err
		}
	}
	return nil
}
