package summary

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// failure is what failed requests are grouped by.
type failure struct {
	endpoint
	status, text, code string
}

// errorGroups joins the script's exceptions with the requests that failed.
func errorGroups(in Input, names Naming) []ErrorGroup {
	all := orEmpty(in.Exceptions)
	byFailure := map[failure]int{}
	for tags, agg := range in.Set.Series(metric.HTTPReqFailed) {
		if agg.NonZero == 0 {
			continue
		}
		f := failure{endpoint: names.of(endpointOf(tags)), status: tag(tags, "status")}
		if f.status == "" || f.status == "0" {
			// Without a response the status says nothing; with one, the error
			// only repeats it.
			f.status, f.text, f.code = "", tag(tags, "error"), tag(tags, "error_code")
		}
		i, known := byFailure[f]
		first, last := since(in, agg.FirstAt), since(in, agg.LastSeen)
		if !known {
			i = len(all)
			byFailure[f] = i
			all = append(all, ErrorGroup{Kind: "http", Message: f.message(), First: first, Last: last})
		}
		g := &all[i]
		g.Count += agg.NonZero
		g.First, g.Last = min(g.First, first), max(g.Last, last)
	}
	slices.SortStableFunc(all, func(a, b ErrorGroup) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Message, b.Message))
	})
	return all
}

// since places a time of a runner's clock within the load phase.
func since(in Input, at time.Time) time.Duration {
	if at.IsZero() || in.Started.IsZero() {
		return 0
	}
	return min(max(at.Sub(in.Started), 0), in.Duration)
}

// message reads "503 from POST /pay" or "connection refused (1212) from GET /x".
func (f failure) message() string {
	what := f.status
	if what == "" {
		what = f.text
		if what == "" {
			what = "no response"
		}
		if f.code != "" {
			what += " (" + f.code + ")"
		}
	}
	if from := strings.TrimSpace(f.method + " " + f.name); from != "" {
		what += " from " + from
	}
	return what
}
