package bundle

import (
	"strings"

	"github.com/swarmload/swarm/engine/inert"
)

// printable makes text from a script safe to show, and short.
func printable(s string) string { return inert.Cut(s, 200) }

// quote shows a name from a script between single quotes.
func quote(s string) string { return "'" + printable(s) + "'" }

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
