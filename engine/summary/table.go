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
	amber paint = "33"
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
	spare  []int  // columns that are left out, in this order, when that is not enough
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

// lowest is how far a column shrinks while there are others to leave out;
// least is how far it shrinks at all.
const (
	lowest = 28
	least  = 8
)

// fit returns how wide each column is printed, 0 for one that is left out, and
// how many columns lie between two.
func (t *table) fit(width int) (widths []int, gap int) {
	widths, gap = t.widths(), wide
	if needed(widths, gap) > width {
		gap = tight
	}
	if t.shrink >= len(widths) {
		return widths, gap
	}
	full := widths[t.shrink]
	for spare := t.spare; ; spare = spare[1:] {
		widths[t.shrink] = full
		over := needed(widths, gap) - width
		if over <= 0 {
			return widths, gap
		}
		widths[t.shrink] = t.distinct(max(full-over, min(full, lowest)), full)
		if needed(widths, gap) <= width {
			return widths, gap
		}
		if len(spare) == 0 {
			widths[t.shrink] = max(full-over, min(full, least))
			return widths, gap
		}
		widths[spare[0]] = 0
	}
}

// write prints the rows, at most width columns wide where that can be.
func (t *table) write(p *printer, width int) {
	widths, gap := t.fit(width)
	for _, row := range t.rows {
		if t.isLine(row) {
			p.put(row[0].paint, inert.Elide(row[0].text, max(width, least)))
			p.end()
			continue
		}
		pending := 0 // spaces owed, so that no line ends in some
		for i, c := range row {
			text := ""
			if widths[i] > 0 {
				text = inert.Elide(c.text, widths[i])
			}
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
