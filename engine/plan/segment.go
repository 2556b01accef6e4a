package plan

// Segment is a share of a test: the items (VUs, iterations) that one of several
// instances owns. Splitting is pure arithmetic on item numbers, so instances
// agree without speaking. The zero value owns everything.
//
// Bounds lists the borders of all segments of the test, as in k6's
// executionSegmentSequence: "0", …, "1", rising. Index is which of the
// len(Bounds)-1 segments this one is.
type Segment struct {
	Bounds []Fraction `json:"bounds,omitempty"`
	Index  int        `json:"index,omitempty"`
}

// Fraction is a number from 0 to 1 in lowest terms.
type Fraction struct {
	Num int64 `json:"num"`
	Den int64 `json:"den"`
}
