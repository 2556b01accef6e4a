package summary

import (
	"strings"

	"github.com/swarmload/swarm/engine/inert"
)

// paint is an SGR code; the zero value prints plain.
type paint string

const (
	green paint = "32"
	red   paint = "31"
	faint paint = "2"
	bold  paint = "1"
)

// cell is one field of a table. Its text is inert already.
type cell struct {
	text  string
	paint paint
}

// table aligns cells by the columns they take on a terminal.
type table struct {
	right  []bool // by column: align at the right edge
	shrink int    // the column that gives way when a row is too wide
	rows   [][]cell
}

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

// line adds a row of one field that takes no part in the alignment.
func (t *table) line(text string, p paint) { t.rows = append(t.rows, []cell{{text, p}}) }

// Columns between fields: wide, unless the rows do not fit so.
const (
	wide  = 3
	tight = 2
)

// widths returns how wide the widest cell of each column is.
func (t *table) widths() []int {
	var widths []int
	for _, row := range t.rows {
		if t.isLine(row) {
			continue
		}
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], inert.Columns(c.text))
		}
	}
	return widths
}

// fits reports whether the rows need no more than width columns.
func (t *table) fits(width int) bool {
	return needed(t.widths(), tight) <= width
}

// distinct returns the least width from low to high at which no two different
// cells of the shrinking column look the same: rows that cannot be told apart
// are worse than rows too wide.
func (t *table) distinct(low, high int) int {
	for width := low; width < high; width++ {
		seen := map[string]string{}
		clash := false
		for _, row := range t.rows {
			if t.isLine(row) {
				continue
			}
			full := row[t.shrink].text
			cut := inert.Elide(full, width)
			if before, known := seen[cut]; known && before != full {
				clash = true
			}
			seen[cut] = full
		}
		if !clash {
			return width
		}
	}
	return high
}

func (t *table) isLine(row []cell) bool { return len(row) == 1 && len(t.right) > 1 }

// needed returns how many columns a row takes; a column that is empty in all
// rows takes none.
func needed(widths []int, gap int) (total int) {
	for i, w := range widths {
		if i > 0 && w > 0 {
			total += gap
		}
		total += w
	}
	return total
}

// lowest is how far a column shrinks; below that the row may be too wide.
const lowest = 28

// write prints the rows, at most width columns wide where that can be.
func (t *table) write(p *printer, width int) {
	widths, gap := t.widths(), wide
	if needed(widths, gap) > width {
		gap = tight
	}
	if over := needed(widths, gap) - width; over > 0 && t.shrink < len(widths) {
		widths[t.shrink] = t.distinct(max(widths[t.shrink]-over, min(widths[t.shrink], lowest)), widths[t.shrink])
	}
	for _, row := range t.rows {
		if t.isLine(row) {
			p.put(row[0].paint, inert.Elide(row[0].text, max(width, lowest)))
			p.end()
			continue
		}
		pending := 0 // spaces owed, so that no line ends in some
		for i, c := range row {
			text := inert.Elide(c.text, widths[i])
			room := widths[i] - inert.Columns(text)
			if i > 0 && widths[i] > 0 {
				pending += gap
			}
			if t.right[i] {
				pending, room = pending+room, 0
			}
			if text != "" {
				p.put("", strings.Repeat(" ", pending))
				p.put(c.paint, text)
				pending = 0
			}
			pending += room
		}
		p.end()
	}
}
