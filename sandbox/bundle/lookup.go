package bundle

import (
	"sync"
	"unicode/utf16"

	"github.com/go-sourcemap/sourcemap"
)

// lookup holds what is computed once when it is first asked for.
type lookup struct {
	mapOnce sync.Once
	mapping *sourcemap.Consumer // nil when Map is of no use

	optionsOnce sync.Once
	options     *optionsTree
}

// SourceLine returns the text of a line of an original source, "" when unknown.
func (b *Bundle) SourceLine(file string, line int) string {
	text, ok := b.Sources[file]
	if !ok || line < 1 {
		return ""
	}
	return lineOf(text, line)
}

// MapPosition returns where the source is that a place of Code was made from.
// line and column start at 1 and count as goja's own positions in a program of
// exactly this text do. ok is false where the bundler wrote the text itself.
func (b *Bundle) MapPosition(line, column int) (at Position, ok bool) {
	b.lookup.mapOnce.Do(func() {
		// An unreadable map is as good as none: the bundle may come from elsewhere.
		b.lookup.mapping, _ = sourcemap.Parse("", b.Map)
	})
	if b.lookup.mapping == nil || line < 2 || column < 1 {
		return Position{}, false
	}
	file, _, row, col, ok := b.lookup.mapping.Source(line, column-1)
	if !ok || b.Sources[file] == nil || row < 1 {
		return Position{}, false
	}
	return Position{File: file, Line: row, Column: 1 + characters(b.SourceLine(file, row), col)}, true
}

// characters turns a count of UTF-16 units, as source maps have it, into one
// of characters.
func characters(line string, units int) int {
	n := 0
	for _, r := range line {
		if units <= 0 {
			return n
		}
		units -= utf16.RuneLen(r)
		n++
	}
	return n + max(units, 0)
}

// Locate returns where the value at path stands in the object literal that the
// script exports as `options`: the position of its key, or of the element of an
// array, whose index is a decimal string. The empty path is the literal's own.
// It is the zero Position when that cannot be told from the text alone.
func (b *Bundle) Locate(path []string) Position {
	b.lookup.optionsOnce.Do(func() { b.lookup.options = parseOptions(b.Code) })
	line, column := b.lookup.options.find(path)
	if line == 0 {
		return Position{}
	}
	at, _ := b.MapPosition(line, column)
	return at
}
