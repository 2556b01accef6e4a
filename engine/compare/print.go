package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/inert"
	"github.com/swarmload/swarm/engine/summary"
)

// value writes a value of the row in its unit.
func (r Row) value(v float64) string {
	switch r.Unit {
	case "ms":
		return figure.Milliseconds(v)
	case "%":
		return figure.Percent(v)
	case "/s":
		return figure.PerSecond(v)
	case "B":
		return figure.Size(v)
	case "B/s":
		return figure.Size(v) + "/s"
	}
	return figure.Plain(figure.Round(v, 4))
}

// signed writes a share with its sign: +15 %, −2.1 %.
func signed(share float64) string {
	if share >= 100 {
		return "+" + figure.Short(share) + " ×"
	}
	percent := figure.Plain(figure.Round(math.Abs(share)*100, 2))
	switch {
	case math.Abs(share) < 0.0005:
		return "0 %"
	case share < 0:
		return "−" + percent + " %"
	}
	return "+" + percent + " %"
}

// change writes how much B is more than A.
func (r Row) change() string {
	if r.A == 0 && r.B != 0 {
		return "from 0"
	}
	return signed(r.Change)
}

// band writes the noise band between two brackets, "" without one.
func (r Row) band(open, end string) string {
	if r.Low == 0 && r.High == 0 {
		return ""
	}
	return open + signed(r.Low) + " to " + signed(r.High) + end
}

// verdict says in one line what came of the comparison.
func (c *Comparison) verdict() (text, sign string) {
	counts := map[string]int{}
	for _, r := range c.Rows {
		if r.Judges {
			counts[r.Verdict]++
		}
	}
	n := counts[better] + counts[worse] + counts[same]
	switch {
	case len(c.Regressions) > 0:
		text = "1 value is worse"
		if n := len(c.Regressions); n > 1 {
			text = figure.Count(n) + " values are worse"
		}
		if c.Bound > 0 {
			text += " by more than " + figure.Percent(c.Bound)
		}
		return text, "✗"
	case n == 0:
		return "nothing could be compared", "?"
	case counts[worse] > 0:
		return "no regression beyond the bound", "✓"
	case counts[better] > 0:
		return "better", "✓"
	}
	return "no difference beyond the noise", "✓"
}

func (r Run) name() string {
	if r.ID == "" {
		return inert.Cut(r.Script, 60)
	}
	return inert.Cut(r.ID, 40)
}

// WriteText prints c for a person. Text of scripts and targets is inert.
func WriteText(w io.Writer, c *Comparison, color bool, width int) error {
	if width <= 0 {
		width = 80
	}
	p := &printer{color: color, width: width}
	text, sign := c.verdict()
	paint := map[string]string{"✓": "32", "✗": "31", "?": "33"}[sign]
	p.line(p.paint(paint, " "+sign) + " " + p.paint("1", text) + "  " + c.A.name() + " → " + c.B.name() + "  " + inert.Cut(c.B.Script, 60))
	for _, r := range c.Regressions {
		p.line("   " + inert.Cut(r, 400))
	}
	p.line("")
	p.table(c)
	if len(c.Notes) > 0 {
		p.line("")
	}
	for _, n := range c.Notes {
		p.line(" note: " + inert.Cut(n, 400))
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

type printer struct {
	b     strings.Builder
	color bool
	width int
}

func (p *printer) line(text string) { p.b.WriteString(strings.TrimRight(text, " ") + "\n") }

func (p *printer) paint(code, text string) string {
	if !p.color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// table prints the rows; the band, then the baseline give way on a narrow
// terminal.
func (p *printer) table(c *Comparison) {
	type line struct {
		cells [6]string
		paint string
	}
	lines := []line{{[6]string{" values", c.A.name(), c.B.name(), "change", "noise band", ""}, "2"}}
	rows, left := c.shown()
	for _, r := range rows {
		l := line{cells: [6]string{"   " + inert.Line(r.Name), r.value(r.A), r.value(r.B), r.change(), r.band("", ""), r.Verdict}}
		switch {
		case r.Verdict == worse && r.Judges:
			l.paint = "31"
		case r.Verdict == worse:
			l.paint = "33"
		case r.Verdict == better:
			l.paint = "32"
		case r.Verdict == same, r.Verdict == unknown:
			l.paint = "2"
		}
		lines = append(lines, l)
	}
	const gap = 2
	var widths [6]int
	for _, l := range lines {
		for i, text := range l.cells {
			widths[i] = max(widths[i], inert.Columns(text))
		}
	}
	total := func() (n int) {
		for i, w := range widths {
			if n += w; w > 0 && i > 0 {
				n += gap
			}
		}
		return n
	}
	const lowest = 24
	for _, spare := range []int{4, 1, 2, 5} {
		if total()-max(widths[0]-lowest, 0) > p.width {
			widths[spare] = 0
		}
	}
	widths[0] = max(widths[0]-max(total()-p.width, 0), min(widths[0], 8))
	for _, l := range lines {
		var text strings.Builder
		for i, c := range l.cells {
			if widths[i] == 0 {
				continue
			}
			c = inert.Elide(c, widths[i])
			room := strings.Repeat(" ", widths[i]-inert.Columns(c))
			switch i {
			case 0:
				text.WriteString(c + room)
			case 5:
				text.WriteString(strings.Repeat(" ", gap) + p.paint(l.paint, c))
			default:
				text.WriteString(strings.Repeat(" ", gap) + room + c)
			}
		}
		p.line(text.String())
	}
	if left > 0 {
		p.line(p.paint("2", fmt.Sprintf("   … and %s more, none of which is known to differ; --format json has them all", figure.Count(left))))
	}
}

// maxRows is how many rows a person is shown, unless more of them differ.
const maxRows = 60

// shown returns the rows to print for a person, and how many are left out:
// from maxRows on those that do not differ or of which nothing is known.
func (c *Comparison) shown() (rows []Row, left int) {
	for _, r := range c.Rows {
		if len(rows) >= maxRows && (r.Verdict == same || r.Verdict == unknown) {
			left++
			continue
		}
		rows = append(rows, r)
	}
	return rows, left
}

// WriteMarkdown prints c in GitHub's Markdown. Text of scripts and targets is
// inert.
func WriteMarkdown(w io.Writer, c *Comparison) error {
	var b strings.Builder
	text, sign := c.verdict()
	sign = map[string]string{"✓": "✅", "✗": "❌", "?": "❔"}[sign]
	fmt.Fprintf(&b, "## %s %s: %s → %s\n\n", sign, text, summary.Code(c.A.name()), summary.Code(c.B.name()))
	fmt.Fprintf(&b, "| value | %s | %s | change | noise band | |\n| --- | ---: | ---: | ---: | ---: | --- |\n", summary.Code(c.A.name()), summary.Code(c.B.name()))
	plain := strings.NewReplacer("<", "&lt;", ">", "&gt;")
	for _, r := range c.Rows {
		verdict := r.Verdict
		if r.Verdict == worse && r.Judges {
			verdict = "**worse**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", summary.Code(r.Name), plain.Replace(r.value(r.A)), plain.Replace(r.value(r.B)), r.change(), r.band("", ""), verdict)
	}
	for i, lines := range [][]string{c.Regressions, c.Notes} {
		for j, l := range lines {
			if j == 0 {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "- %s%s\n", []string{"worse: ", "note: "}[i], summary.Code(l))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteJSON prints c as one JSON object.
func WriteJSON(w io.Writer, c *Comparison) error {
	for _, r := range c.Rows {
		if slices.ContainsFunc([]float64{r.A, r.B, r.Change, r.Low, r.High}, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
			return fmt.Errorf("comparison as JSON: %s is not a number", inert.Line(r.Name))
		}
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("comparison as JSON: %w", err)
	}
	_, err = w.Write(summary.InertJSON(append(text, '\n')))
	return err
}
