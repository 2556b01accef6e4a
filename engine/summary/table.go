package summary

import "strings"

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
	gap    int    // columns between fields
	shrink int    // the column that gives way when a row is too wide
	rows   [][]cell
}

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

// line adds a row of one field that takes no part in the alignment.
func (t *table) line(text string, p paint) { t.rows = append(t.rows, []cell{{text, p}}) }

// lowest is how far a column shrinks; below that the row may be too wide.
const lowest = 28

// write prints the rows, at most width columns wide where that can be.
func (t *table) write(p *printer, width int) {
	var widths []int
	for _, row := range t.rows {
		if len(row) == 1 && len(t.right) > 1 {
			continue
		}
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columns(c.text))
		}
	}
	total := t.gap * max(len(widths)-1, 0)
	for _, w := range widths {
		total += w
	}
	if over := total - width; over > 0 && t.shrink < len(widths) {
		widths[t.shrink] = max(widths[t.shrink]-over, min(widths[t.shrink], lowest))
	}
	for _, row := range t.rows {
		if len(row) == 1 && len(t.right) > 1 {
			p.put(row[0].paint, elide(row[0].text, max(width, lowest)))
			p.end()
			continue
		}
		pending := 0 // spaces owed, so that no line ends in some
		for i, c := range row {
			text := elide(c.text, widths[i])
			room := widths[i] - columns(text)
			if i > 0 {
				pending += t.gap
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
