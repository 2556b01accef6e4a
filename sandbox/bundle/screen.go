package bundle

import (
	"strings"
	"unicode/utf8"
)

// What a parser recurses into is bounded before one sees the text: a Go
// program whose stack overflows ends, whatever recovers.
const (
	maxNesting = 1000     // open brackets
	maxChain   = 5000     // operators, prefixes, member accesses that nest without brackets
	maxScan    = 64 << 20 // bytes looked at in vain for the end of a regular expression
	maxTerms   = 50000    // operands of one expression joined by binary operators

	// The bundler's time for a scope grows with the square of its depth, 4 ns
	// each: this is below a second. In 54 MB of published packages the worst
	// file comes to an eighth.
	maxEffort = 100_000_000
	noScopes  = -1 << 60 // effort to begin with for data
)

// screen reads JavaScript or TypeScript once, from left to right, and tells
// where (pos, a byte offset) and why a parser should not be given it; why is ""
// when it may. It knows strings, templates, comments and regular expressions, so
// that brackets in them do not count. Where a slash could be read as a division
// or as the start of a regular expression, and that matters, it refuses.
//
// Its text afterwards has the same length and meaning. Comments that name a
// source map are defused: such a map could name any file. effort is what other
// texts of the same bundle took.
func screen(text string, effort int) *screener {
	s := &screener{text: text, levels: make([]level, 1, 64), effort: effort}
	s.levels[0].kind = block
	s.run()
	if len(s.maps) > 0 {
		defused := []byte(text)
		for _, at := range s.maps {
			defused[at] = 'S'
		}
		s.text = string(defused)
	}
	return s
}

// level is the inside of one pair of brackets.
type level struct {
	kind     byte // '(' '[' '{' for a block, '$' in a template, other kinds of braces as below
	control  bool // a '(' after if, for, while, with: what follows it starts a statement
	function byte // the kind of the body of the function or class expression that began here, 0 when none did
	counts   counts
}

// Braces by what may follow them.
const (
	block  = '{' // a statement
	object = 'o' // an object literal or the body of a function expression: an operator
	either = '?' // cannot be told
)

// counts of what a parser recurses into beside brackets.
type counts struct {
	nested  int // operators that nest, since the last separator
	arrows  int // those of them that are arrow functions
	bodies  int // statements that are the body of another, as else after else, since the last whole statement
	chained int // member accesses and calls, since the last operator
	terms   int // binary operators, since the last separator
}

type screener struct {
	text   string
	pos    int
	why    string
	levels []level
	sum    counts // over all levels
	vain   int    // see maxScan
	effort int    // sum of the squares of the depths of scopes
	maps   []int  // offsets of source map comments

	properties []int // offsets of \p{…} in regular expressions, which goja takes for other text

	operand bool   // the last token ends an expression
	word    string // the last token, when it is an identifier or keyword
	punct   byte   // the last token's last byte, when it is punctuation
	member  bool   // the last word follows a dot
	unsure  bool   // whether operand holds depends on more than was read
	newline bool   // a line ended since the last token
	ended   bool   // a statement has ended, unless an else or the like follows
}

func (s *screener) top() *level { return &s.levels[len(s.levels)-1] }

func (s *screener) refuse(why string) {
	if s.why == "" {
		s.why = why
	}
}

func (s *screener) run() {
	if strings.HasPrefix(s.text, "#!") {
		s.lineComment()
	}
	start := 0
	for s.pos < len(s.text) && s.why == "" {
		start = s.pos
		s.token()
	}
	if s.why != "" {
		s.pos = start
	}
}

func (s *screener) token() {
	rest := s.text[s.pos:]
	c := rest[0]
	switch {
	case c == '\n', c == '\r':
		s.newline = true
		s.pos++
		return
	case c == ' ', c == '\t', c == '\v', c == '\f':
		s.pos++
		return
	case lineEnd(rest) > 0:
		s.newline = true
		s.pos += lineEnd(rest)
		return
	case strings.HasPrefix(rest, "//"), strings.HasPrefix(rest, "<!--"),
		strings.HasPrefix(rest, "-->") && (s.newline || s.fresh()):
		s.lineComment()
		return
	case strings.HasPrefix(rest, "/*"):
		s.blockComment()
		return
	case c >= utf8.RuneSelf && blank(rest) > 0:
		s.pos += blank(rest)
		return
	}
	if s.ended {
		s.ended = false
		if (wordByte(c) || c == '{' || c == ';' || c == '@') && !goesOn(rest) {
			s.drop(&s.top().counts)
		}
	}
	switch {
	case c == '\'', c == '"':
		s.beforeOperand()
		s.str(c)
		s.ends()
	case c == '`':
		s.link()
		s.pos++
		s.template()
	case c == '/' && s.startsRegexp():
	case wordByte(c):
		s.identifier()
	default:
		s.punctuation(c)
	}
}

// goesOn tells whether a statement that seemed complete has another part.
func goesOn(text string) bool {
	end := 0
	for end < len(text) && wordByte(text[end]) {
		end++
	}
	switch text[:end] {
	case "else", "while", "catch", "finally":
		return true
	}
	return false
}

func (s *screener) fresh() bool { return s.word == "" && s.punct == 0 && !s.operand }

// ends notes that an operand has just been read.
func (s *screener) ends() {
	s.operand, s.word, s.punct, s.unsure, s.newline = true, "", 0, false, false
}

// beforeOperand sees a new statement where two operands meet across a line.
func (s *screener) beforeOperand() {
	if s.newline && s.operand && (!s.unsure || s.punct == '}') {
		s.drop(&s.top().counts)
	}
}

// separate ends the expressions of the innermost brackets.
func (s *screener) separate() {
	c := &s.top().counts
	bodies := c.bodies
	s.drop(c)
	c.bodies = bodies
	s.sum.bodies += bodies
}

// drop takes counts out of the sum and zeroes them.
func (s *screener) drop(c *counts) {
	s.sum.nested -= c.nested
	s.sum.arrows -= c.arrows
	s.sum.bodies -= c.bodies
	s.sum.chained -= c.chained
	s.sum.terms -= c.terms
	*c = counts{}
}

// nest counts an operator that a parser recurses into.
func (s *screener) nest() {
	s.top().counts.nested++
	if s.sum.nested++; s.sum.nested+s.sum.bodies > maxChain {
		s.refuse("the code is nested too deeply")
	}
}

// scope counts the beginning of a scope.
func (s *screener) scope() {
	depth := len(s.levels) + s.sum.arrows
	if s.effort += depth * depth; s.effort > maxEffort {
		s.refuse("too many functions and blocks are nested too deeply")
	}
}

// body counts a word that has a statement as its body.
func (s *screener) body() {
	s.top().counts.bodies++
	if s.sum.bodies++; s.sum.nested+s.sum.bodies > maxChain {
		s.refuse("the code is nested too deeply")
	}
}

// link counts a member access or call if the last token was an operand.
func (s *screener) link() {
	if !s.operand {
		return
	}
	s.top().counts.chained++
	if s.sum.chained++; s.sum.chained > maxChain {
		s.refuse("the chain of calls is too long")
	}
}

// binary counts a binary operator; a chain of calls ends at it.
func (s *screener) binary() {
	s.unchain()
	s.top().counts.terms++
	if s.sum.terms++; s.sum.terms > maxTerms {
		s.refuse("the expression is too long")
	}
}

func (s *screener) unchain() {
	c := &s.top().counts
	s.sum.chained -= c.chained
	c.chained = 0
}

func (s *screener) identifier() {
	start := s.pos
	for s.pos < len(s.text) && wordByte(s.text[s.pos]) {
		if s.text[s.pos] >= utf8.RuneSelf && (lineEnd(s.text[s.pos:]) > 0 || blank(s.text[s.pos:]) > 0) {
			break
		}
		if escape := s.text[s.pos:]; strings.HasPrefix(escape, `\u{`) {
			s.pos += max(strings.IndexByte(escape[:min(len(escape), 12)], '}'), 0)
		}
		s.pos++
	}
	// A decimal point belongs to the number.
	if c := s.text[start]; c >= '0' && c <= '9' && s.pos < len(s.text) && s.text[s.pos] == '.' {
		s.pos++
		for s.pos < len(s.text) && wordByte(s.text[s.pos]) {
			s.pos++
		}
	}
	word := s.text[start:s.pos]
	member := s.punct == '.' && !s.operand
	role := words[word]
	if member {
		role = plainWord
	}
	if word == "of" && s.top().control {
		role = prefixes
	}
	if role != joins && !goesOn(word) {
		s.beforeOperand()
	}
	before := s.operand
	if word == "await" && s.word == "for" {
		word = "for"
	}
	previous := s.punct
	s.newline, s.punct = false, 0
	s.member = member
	switch role {
	case plainWord:
		s.operand, s.unsure = true, false
	case prefixes:
		s.operand, s.unsure = false, false
		s.nest()
	case embeds:
		s.operand, s.unsure = false, false
		s.body()
	case maybe: // an operator or a name
		s.operand, s.unsure = true, true
		s.nest()
	case joins:
		s.operand, s.unsure = false, false
		s.binary()
	case begins:
		s.top().function = s.function(before, previous)
		s.operand, s.unsure = false, false
	}
	s.word = word
}

// function tells the kind of the body of the function or class that begins.
func (s *screener) function(afterOperand bool, punct byte) byte {
	switch {
	case s.word == "async":
		return either
	case afterOperand, s.word == "default", s.word == "else":
		return 0 // a declaration
	case s.word != "":
		return object
	case punct == ':' && s.top().kind == block:
		return either
	case statementStart(punct):
		return 0
	}
	return object
}

// statementStart tells whether a statement may begin after punctuation.
func statementStart(punct byte) bool {
	return punct == 0 || punct == ';' || punct == '{' || punct == '}' || punct == ')'
}

func (s *screener) punctuation(c byte) {
	s.pos++
	t := s.top()
	switch c {
	case '(', '[':
		s.link()
		s.open(c)
		return
	case '{':
		s.open(s.braces())
		return
	case ')', ']', '}':
		s.close(c)
		return
	case ',':
		s.separate()
	case ';':
		t.function = 0
		s.operand, s.unsure, s.newline, s.ended = false, false, false, true
		s.word, s.punct = "", c
		return
	case '.':
		if s.operand {
			s.link()
		}
	case '+', '-':
		if s.pos < len(s.text) && s.text[s.pos] == c { // ++ and --
			s.pos++
			if s.operand {
				s.newline = false
				return
			}
			s.nest()
		} else if s.operand {
			s.binary()
		} else {
			s.nest()
		}
	case '!', '~':
		if s.operand && c == '!' && (s.pos >= len(s.text) || s.text[s.pos] != '=') {
			s.link() // TypeScript: not null
			s.newline = false
			return
		}
		s.nest()
	case '*':
		if s.pos < len(s.text) && s.text[s.pos] == '*' {
			s.pos++
			s.nest()
		}
		s.binary()
	case '=', '?', ':', '<', '@':
		if c == '=' && s.pos < len(s.text) && s.text[s.pos] == '=' {
			s.pos++
			s.binary()
			break
		}
		if c == '=' && s.pos < len(s.text) && s.text[s.pos] == '>' {
			s.pos++
			c = arrow
			t.counts.arrows++
			s.sum.arrows++
			s.scope()
		}
		if c == '?' && s.pos < len(s.text) && s.text[s.pos] == '.' {
			s.pos++
			s.link()
			c = '.'
			break
		}
		s.unchain()
		s.nest()
	default: // & | ^ % / > and what is none of the language
		s.binary()
	}
	s.operand, s.newline = false, false
	s.unsure = c == '>' // which may end a type
	s.word, s.punct = "", c
}

// arrow stands for => as the last punctuation.
const arrow = 'A'

// braces tells a block from an object literal; what follows the two differs.
func (s *screener) braces() byte {
	t := s.top()
	if kind := t.function; kind != 0 {
		t.function = 0
		return kind
	}
	switch {
	case s.word != "":
		switch r := words[s.word]; {
		case s.member, r == embeds, r == plainWord, r == begins:
			return block
		case r == maybe:
			return either
		}
		return object
	case s.punct == arrow:
		return either // its line may end after it
	case s.operand, statementStart(s.punct):
		return block
	case s.punct == ':' && (t.kind == block || t.kind == either), s.punct == '>':
		return either // after a label, a case, a type, or in a conditional
	}
	return object
}

func (s *screener) open(kind byte) {
	control := kind == '(' && !s.member && (s.word == "if" || s.word == "for" || s.word == "while" || s.word == "with")
	if len(s.levels) > maxNesting {
		s.refuse("brackets are nested more than 1,000 deep")
		return
	}
	s.levels = append(s.levels, level{kind: kind, control: control})
	if kind == block || kind == either {
		s.scope()
	}
	s.operand, s.unsure, s.newline, s.word, s.punct = false, false, false, "", kind
	if kind == object || kind == either {
		s.punct = '{'
	}
}

func (s *screener) close(c byte) {
	t := *s.top()
	s.drop(&s.top().counts)
	s.newline, s.word, s.punct, s.member = false, "", c, false
	s.operand, s.unsure = true, false
	if len(s.levels) > 1 {
		s.levels = s.levels[:len(s.levels)-1]
	}
	switch {
	case c == '}' && t.kind == '$':
		s.template()
	case c == '}' && t.kind == block:
		s.operand, s.ended = false, true
	case c == ')' && t.control:
		s.operand = false
	case c == '}' && t.kind == either:
		s.unsure = true
	}
}
