package html

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// selector is a compiled CSS selector. Immutable.
//
// What it is made of is matched by cascadia, the selector library of goquery;
// how the parts are joined is followed here. Going from each element up to all
// its ancestors again and again, as libraries do, takes time that grows with a
// power of the depth: `p div div div a` on a page of 500 nested div would not
// end in a lifetime.
type selector struct {
	any    []chain // alternatives
	joined bool    // one of them has combinators
	beside bool    // with + or ~
}

// chain is compound selectors joined by combinators, from left to right.
type chain struct {
	parts []cascadia.Matcher
	// Which parts are joined to the one before them by which combinator.
	below, child, next, later uint64
}

// compile compiles a selector. Its errors name the selector.
func compile(text string) (*selector, error) {
	if len(text) > maxSelector {
		return nil, fmt.Errorf("%s is %w: it is longer than %d characters", quoted(text), ErrSelector, maxSelector)
	}
	whole, err := cascadia.ParseGroup(text)
	if err != nil {
		return nil, fmt.Errorf("%s is %w: %s", quoted(text), ErrSelector, reason(err))
	}
	s := &selector{}
	for _, alternative := range split(text) {
		var c chain
		for i, p := range alternative {
			m, err := cascadia.Parse(p.text)
			if err != nil || i >= maxParts {
				// Not understood here. It means the same in one piece.
				return &selector{any: []chain{{parts: []cascadia.Matcher{whole}}}}, nil
			}
			c.parts = append(c.parts, m)
			bit := uint64(1) << i
			switch p.combinator {
			case ' ':
				c.below |= bit
			case '>':
				c.child |= bit
			case '+':
				c.next |= bit
			case '~':
				c.later |= bit
			}
		}
		s.any = append(s.any, c)
		s.joined = s.joined || len(c.parts) > 1
		s.beside = s.beside || c.next|c.later != 0
	}
	return s, nil
}

// reason is what a library's error says, without what the caller says anyway.
func reason(err error) string {
	text := err.Error()
	if _, rest, ok := strings.Cut(text, `": `); ok && strings.HasPrefix(text, "parsing ") {
		return rest
	}
	return text
}

// quoted returns text for a message, cut short.
func quoted(text string) string { return strconv.Quote(clip(text)) }

func clip(text string) string {
	const longest = 100
	if len(text) > longest {
		return strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}

// piece is a compound selector and the combinator before it, 0 at the first.
type piece struct {
	combinator byte
	text       string
}

// split takes a valid selector apart at its commas and combinators, those in
// brackets, parentheses and strings left alone.
func split(text string) [][]piece {
	var all [][]piece
	var now []piece
	start, combinator := -1, byte(0)
	end := func(i int) {
		if start >= 0 {
			now = append(now, piece{combinator, text[start:i]})
			start, combinator = -1, ' '
		}
	}
	depth, quote := 0, byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\':
			if start < 0 {
				start = i
			}
			i = escapeEnd(text, i) - 1
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case depth > 0 && (c == '"' || c == '\''):
			quote = c
		case c == '(' || c == '[':
			if start < 0 {
				start = i
			}
			depth++
		case c == ')' || c == ']':
			depth--
		case depth > 0:
		case strings.IndexByte(space, c) >= 0:
			end(i)
		case c == '>' || c == '+' || c == '~':
			end(i)
			combinator = c
		case c == ',':
			end(i)
			all = append(all, now)
			now, combinator = nil, 0
		default:
			if start < 0 {
				start = i
			}
		}
	}
	end(len(text))
	return append(all, now)
}

// escapeEnd returns where the escape at i ends: a backslash and a character, or
// up to six hexadecimal digits with a space after them.
func escapeEnd(text string, i int) int {
	i++
	digits := 0
	for i+digits < len(text) && digits < 6 && isHex(text[i+digits]) {
		digits++
	}
	if digits == 0 {
		return i + 1
	}
	i += digits
	if i < len(text) && text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n' {
		return i + 2
	}
	if i < len(text) && strings.IndexByte(space, text[i]) >= 0 {
		return i + 1
	}
	return i
}

// matching is a selector at work on one document. It is a goquery.Matcher.
//
// For each element it knows which beginnings of each chain end at the element,
// at one of its ancestors, at its previous sibling, or at any earlier one. That
// follows from the same of its parent and of its previous sibling, so that each
// element is looked at once.
type matching struct {
	*selector
	*work
	known map[*html.Node][]ends // of elements asked for one by one; nil until needed
}

// ends are the beginnings of one chain that end somewhere: bit i stands for
// parts[:i+1].
type ends struct {
	here, above, before, earlier uint64
}

func (m *matching) match(n *html.Node, parent, before, into []ends) bool {
	matched := false
	for k := range m.any {
		c := &m.any[k]
		e := &into[k]
		*e = ends{}
		possible := uint64(1)
		if len(c.parts) > 1 {
			p := &parent[k]
			e.above = p.above | p.here
			if before != nil {
				e.before = before[k].here
				e.earlier = before[k].earlier | e.before
			}
			possible |= c.below&(e.above<<1) | c.child&(p.here<<1) | c.next&(e.before<<1) | c.later&(e.earlier<<1)
		}
		for i, part := range c.parts {
			if bit := uint64(1) << i; possible&bit != 0 && m.step() && part.Match(n) {
				e.here |= bit
			}
		}
		matched = matched || e.here>>(len(c.parts)-1) != 0
	}
	return matched
}

// Match implements goquery.Matcher: only elements match.
func (m *matching) Match(n *html.Node) bool {
	if n.Type != html.ElementNode {
		return false
	}
	if !m.joined {
		for k := range m.any {
			if m.step() && m.any[k].parts[0].Match(n) {
				return true
			}
		}
		return false
	}
	for k, e := range m.ends(n) {
		if e.here>>(len(m.any[k].parts)-1) != 0 {
			return true
		}
	}
	return false
}

// ends returns what ends at n and around it.
func (m *matching) ends(n *html.Node) []ends {
	if e := m.known[n]; e != nil {
		return e
	}
	if m.known == nil {
		m.known = make(map[*html.Node][]ends)
	}
	if n.Parent == nil || n.Type != html.ElementNode {
		e := make([]ends, len(m.any))
		m.known[n] = e
		return e
	}
	parent := m.ends(n.Parent)
	var before []ends
	if m.beside {
		// All siblings up to n, beginning after the last that is known.
		first := n
		for s := n.PrevSibling; s != nil && m.step(); s = s.PrevSibling {
			if s.Type != html.ElementNode {
				continue
			}
			if before = m.known[s]; before != nil {
				break
			}
			first = s
		}
		for s := first; s != n; s = s.NextSibling {
			if s.Type == html.ElementNode {
				e := make([]ends, len(m.any))
				m.match(s, parent, before, e)
				m.known[s] = e
				before = e
			}
		}
	}
	e := make([]ends, len(m.any))
	m.match(n, parent, before, e)
	m.known[n] = e
	return e
}

// MatchAll implements goquery.Matcher: n and what is below it.
func (m *matching) MatchAll(n *html.Node) []*html.Node {
	var found []*html.Node
	if m.Match(n) {
		found = append(found, n)
	}
	m.below(n, func(n *html.Node) bool { found = append(found, n); return true })
	return found
}

// Filter implements goquery.Matcher.
func (m *matching) Filter(nodes []*html.Node) []*html.Node {
	var found []*html.Node
	for _, n := range nodes {
		if m.Match(n) {
			found = append(found, n)
		}
	}
	return found
}

// MatchFirst is what goquery uses to look for one match in n and below it.
func (m *matching) MatchFirst(n *html.Node) *html.Node {
	if m.Match(n) {
		return n
	}
	var first *html.Node
	m.below(n, func(n *html.Node) bool { first = n; return false })
	return first
}

// below calls f with each element below n that matches, in the order of the
// document, until f returns false.
func (m *matching) below(n *html.Node, f func(*html.Node) bool) {
	var top []ends
	if m.joined {
		top = m.ends(n)
	}
	m.descend(n, top, &levels{width: len(m.any)}, 0, f)
}

func (m *matching) descend(n *html.Node, parent []ends, l *levels, depth int, f func(*html.Node) bool) bool {
	var before []ends
	for c, i := n.FirstChild, 0; c != nil && m.err == nil; c = c.NextSibling {
		if c.Type != html.ElementNode {
			continue
		}
		into := l.at(depth, i&1)
		if m.match(c, parent, before, into) && !f(c) || !m.descend(c, into, l, depth+1, f) {
			return false
		}
		before = into
		i++
	}
	return true
}

// levels holds what is known of the element being looked at and of the one
// before it, for each depth of the document.
type levels struct {
	width int
	ends  [][]ends
}

func (l *levels) at(depth, which int) []ends {
	for len(l.ends) <= depth {
		l.ends = append(l.ends, make([]ends, 2*l.width))
	}
	return l.ends[depth][which*l.width:][:l.width]
}

// find returns the elements below any of nodes that match, each once.
func (m *matching) find(nodes []*html.Node, most int) []*html.Node {
	var found []*html.Node
	for _, n := range outermost(nodes) {
		m.below(n, func(n *html.Node) bool {
			found = append(found, n)
			return len(found) != most
		})
		if len(found) == most {
			break
		}
	}
	return found
}

// outermost returns those of nodes that are not below another of them.
func outermost(nodes []*html.Node) []*html.Node {
	if len(nodes) < 2 {
		return nodes
	}
	all := make(nodeSet, len(nodes))
	for _, n := range nodes {
		all[n] = struct{}{}
	}
	// Whether an ancestor is one of nodes is remembered for all on the way.
	under := make(map[*html.Node]bool, len(nodes))
	var below func(n *html.Node) bool
	below = func(n *html.Node) bool {
		if n == nil {
			return false
		}
		yes, known := under[n]
		if !known {
			_, yes = all[n.Parent]
			yes = yes || below(n.Parent)
			under[n] = yes
		}
		return yes
	}
	var top []*html.Node
	for _, n := range nodes {
		if !below(n) {
			top = append(top, n)
		}
	}
	return top
}

// nodeSet is a goquery.Matcher of certain nodes.
type nodeSet map[*html.Node]struct{}

func newNodeSet(nodes []*html.Node) nodeSet {
	s := make(nodeSet, len(nodes))
	for _, n := range nodes {
		s[n] = struct{}{}
	}
	return s
}

// Match implements goquery.Matcher.
func (s nodeSet) Match(n *html.Node) bool {
	_, ok := s[n]
	return ok
}

// Filter implements goquery.Matcher.
func (s nodeSet) Filter(nodes []*html.Node) []*html.Node {
	var found []*html.Node
	for _, n := range nodes {
		if s.Match(n) {
			found = append(found, n)
		}
	}
	return found
}

// MatchAll implements goquery.Matcher.
func (s nodeSet) MatchAll(n *html.Node) []*html.Node {
	var found []*html.Node
	if s.Match(n) {
		found = append(found, n)
	}
	within(n, func(n *html.Node) bool {
		if s.Match(n) {
			found = append(found, n)
		}
		return true
	})
	return found
}
