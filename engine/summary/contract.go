package summary

// CONTRACT (scaffolding, replaced by the implementation; signatures stay).

import "io"

// Build computes the summary.
func Build(in Input) *Summary { panic("contract") }

// Style says how text is printed.
type Style struct {
	Color bool
	Width int    // columns; 0 means 80
	Mode  string // "compact", "full", "off"
}

// WriteText prints s for a person: verdict first.
func WriteText(w io.Writer, s *Summary, st Style) error { panic("contract") }

// WriteJSON prints s as one JSON object.
func WriteJSON(w io.Writer, s *Summary) error { panic("contract") }

// HandleSummaryData returns the JSON object that scripts get in
// handleSummary(data), in k6's shape (metrics, root_group, options, state).
func HandleSummaryData(s *Summary) []byte { panic("contract") }
