package summary

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/inert"
)

// maxMarkdownRows keeps a summary well below the megabyte that CI systems take.
const maxMarkdownRows = 100

// maxName is how many characters of a name a table repeats.
const maxName = 200

// name writes a name, cut where it is longer than anybody reads.
func name(text string) string { return Code(inert.Cut(text, maxName)) }

// WriteMarkdown prints s in GitHub's Markdown, as step summaries and comments
// take it. Text of scripts and targets is inert: neither markup nor HTML,
// links, mentions or references come of it.
func WriteMarkdown(w io.Writer, s *Summary) error {
	m := &markdown{}
	m.verdict(s)
	m.thresholds(s)
	m.capacity(s)
	m.requests(s)
	m.checks(s)
	m.errors(s)
	m.truth(s)
	_, err := io.WriteString(w, m.b.String())
	return err
}

type markdown struct{ b strings.Builder }

func (m *markdown) line(format string, a ...any) { fmt.Fprintf(&m.b, format+"\n", a...) }

// table begins a table; a column whose title begins with a space is aligned right.
func (m *markdown) table(titles ...string) {
	m.line("")
	var rule []string
	for i, t := range titles {
		if strings.HasPrefix(t, " ") {
			rule = append(rule, "---:")
		} else {
			rule = append(rule, "---")
		}
		titles[i] = strings.TrimSpace(t)
	}
	m.row(titles...)
	m.row(rule...)
}

func (m *markdown) row(cells ...string) { m.line("| %s |", strings.Join(cells, " | ")) }

func (m *markdown) more(n int) {
	if n > 0 {
		m.line("\n… and %s more", figure.Count(n))
	}
}

func (m *markdown) verdict(s *Summary) {
	word := "✅ passed"
	if !s.Passed {
		word = "❌ failed"
	}
	m.line("## %s %s", word, name(s.Script))
	facts := []string{length(s)}
	if s.Total.Count > 0 {
		facts = append(facts, figure.Counted(s.Total.Count, "request"), figure.PerSecond(s.Total.Rate))
		if s.Total.Max > 0 { // kept
			facts = append(facts, "p95 "+figure.MillisecondsIn(s.TimeUnit, s.Total.P95))
		}
		facts = append(facts, figure.Percent(s.Total.Failed)+" errors")
	}
	if s.Iterations > 0 {
		facts = append(facts, figure.Counted(s.Iterations, "iteration"))
	}
	m.line("\n%s", strings.Join(facts, " · "))
	if len(s.Reasons) > 0 {
		m.line("")
	}
	for _, r := range s.Reasons {
		m.line("- %s", Code(r))
	}
}

func (m *markdown) thresholds(s *Summary) {
	shown := slices.Clone(s.Thresholds)
	for i := len(shown) - 1; i >= 0; i-- {
		if shown[i].Default && shown[i].OK {
			shown = slices.Delete(shown, i, i+1)
		}
	}
	if len(shown) == 0 {
		return
	}
	m.table("", "threshold", " observed", "margin")
	for _, v := range shown[:min(len(shown), maxMarkdownRows)] {
		m.row(emoji(v.OK), name(v.Name+" "+Condition(v)), Observed(v, s.TimeUnit), strings.ReplaceAll(joined(Margin(v), Window(v), aborted(v)), "<", "&lt;"))
	}
	m.more(len(shown) - maxMarkdownRows)
}

func emoji(ok bool) string {
	if ok {
		return "✅"
	}
	return "❌"
}

func (m *markdown) capacity(s *Summary) {
	for _, c := range s.Capacity[:min(len(s.Capacity), maxRows)] {
		text, good := Found(c)
		m.line("\n%s capacity of %s: %s", emoji(good), name(c.Scenario), Code(text))
		if len(c.Steps) == 0 {
			continue
		}
		m.table("phase", " rate", " achieved", " dropped", " p95", "")
		for _, step := range c.Steps[:min(len(c.Steps), maxMarkdownRows)] {
			outcome := "held"
			if !step.Held {
				outcome = Code(step.Why)
			}
			m.row(Code(step.Phase), RateIn(float64(step.Rate), c.TimeUnit), strings.ReplaceAll(RateIn(step.Achieved, c.TimeUnit), "<", "&lt;"),
				failures(step.Dropped), latency(s.TimeUnit, step.P95, step.P95), emoji(step.Held)+" "+outcome)
		}
		m.more(len(c.Steps) - maxMarkdownRows)
	}
}

func (m *markdown) requests(s *Summary) {
	if s.Total.Count == 0 {
		return
	}
	m.table("request", " count", " rate", " errors", " p50", " p95", " p99", " max")
	row := func(title string, r Request) {
		time := func(ms float64) string { return latency(s.TimeUnit, ms, r.Max) }
		m.row(title, figure.Short(r.Count), strings.ReplaceAll(figure.PerSecond(r.Rate), "<", "&lt;"), strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(figure.Percent(r.Failed)),
			time(r.P50), time(r.P95), time(r.P99), time(r.Max))
	}
	for _, r := range s.Requests[:min(len(s.Requests), maxMarkdownRows)] {
		row(name(strings.TrimSpace(r.Method+" "+r.Name)), r)
	}
	if len(s.Requests) != 1 {
		row("all", s.Total)
	}
	m.more(len(s.Requests) - maxMarkdownRows)
}

func (m *markdown) checks(s *Summary) {
	if len(s.Checks) == 0 {
		return
	}
	rows := failedFirst(s.Checks)
	m.table("", "check", " passed", " failed")
	for _, c := range rows[:min(len(rows), maxMarkdownRows)] {
		m.row(emoji(c.Fails == 0), name(strings.TrimPrefix(groupName(c.Group)+" › "+c.Name, " › ")), figure.Short(c.Passes), failures(c.Fails))
	}
	m.more(len(rows) - maxMarkdownRows)
}

func (m *markdown) errors(s *Summary) {
	if len(s.Errors) == 0 {
		return
	}
	m.table(" count", "error", "place", "when")
	for _, e := range s.Errors[:min(len(s.Errors), maxMarkdownRows)] {
		where := ""
		if at := place(e); at != "" {
			where = Code(at)
		}
		m.row(figure.Short(e.Count), Code(e.Message), where, period(e))
	}
	m.more(len(s.Errors) - maxMarkdownRows)
}

func (m *markdown) truth(s *Summary) {
	here := *s
	here.Saved = "" // who reads this elsewhere has no such run
	if lines := here.truth(); len(lines) > 0 {
		m.line("")
		for _, l := range lines {
			m.line("- %s", strings.ReplaceAll(l.text, "<", "&lt;"))
		}
	}
	for i, note := range s.Notes[:min(len(s.Notes), maxMarkdownRows)] {
		if i == 0 {
			m.line("")
		}
		m.line("- note: %s", Code(note))
	}
}

// Code writes text of strangers for GitHub's Markdown, in a table or out of
// it: as code, in which nothing is markup and nobody is mentioned. A span
// between backticks is how people write it; text with characters that mean
// something even there becomes an HTML element of character references.
func Code(text string) string {
	text = safe(text)
	if strings.TrimSpace(text) == "" {
		return "–"
	}
	if !strings.ContainsAny(text, "`|\\") {
		return "`" + text + "`"
	}
	var b strings.Builder
	b.WriteString("<code>")
	for _, r := range text {
		if r < 0x80 && r != ' ' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') {
			fmt.Fprintf(&b, "&#%d;", r)
			continue
		}
		b.WriteRune(r)
	}
	b.WriteString("</code>")
	return b.String()
}
