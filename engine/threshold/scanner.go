package threshold

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// scanner reads a condition from left to right.
type scanner struct {
	src string
	pos int
}

func (s *scanner) done() bool { return s.pos >= len(s.src) }

func (s *scanner) space() {
	for !s.done() && strings.IndexByte(" \t\r\n", s.src[s.pos]) >= 0 {
		s.pos++
	}
}

// take moves past the longest run of bytes that accept holds for.
func (s *scanner) take(accept func(c byte) bool) string {
	start := s.pos
	for !s.done() && accept(s.src[s.pos]) {
		s.pos++
	}
	return s.src[start:s.pos]
}

func (s *scanner) accept(token string) bool {
	if !strings.HasPrefix(s.src[s.pos:], token) {
		return false
	}
	s.pos += len(token)
	return true
}

// rest quotes what follows, shortened, for messages.
func (s *scanner) rest() string {
	if s.done() {
		return "the end"
	}
	return quote(s.src[s.pos:])
}

func (s *scanner) errorf(format string, args ...any) error {
	column := utf8.RuneCountInString(s.src[:s.pos]) + 1
	return fmt.Errorf("column %d: %s", column, fmt.Sprintf(format, args...))
}

func (s *scanner) method() (Method, error) {
	s.space()
	start := s.pos
	word := s.take(func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
	})
	switch word {
	case "avg", "min", "max", "med", "count", "rate", "value":
		return Method{name: word}, nil
	case "p":
		return s.percentile()
	}
	s.pos = start
	if n, isPercentile := strings.CutPrefix(strings.ToLower(word), "p"); isPercentile && isNumber(n) {
		return Method{}, s.errorf("unknown method %s: write p(%s)", quote(word), n)
	}
	if word == "" {
		return Method{}, s.errorf("expected a method (avg, min, max, med, count, rate, value or p(N)), got %s", s.rest())
	}
	return Method{}, s.errorf("unknown method %s: expected avg, min, max, med, count, rate, value or p(N)", quote(word))
}

func (s *scanner) percentile() (Method, error) {
	if s.space(); !s.accept("(") {
		return Method{}, s.errorf("expected ( after p, as in p(95), got %s", s.rest())
	}
	s.space()
	at := *s
	n, err := s.number()
	if err != nil {
		return Method{}, err
	}
	if n < 0 || n > 100 {
		return Method{}, at.errorf("a percentile lies between 0 and 100, got %s", formatNumber(n))
	}
	if s.space(); !s.accept(")") {
		return Method{}, s.errorf("expected ) after p(%s, got %s", formatNumber(n), s.rest())
	}
	return Method{name: "p", percentile: n}, nil
}

func (s *scanner) operator() (operator, error) {
	s.space()
	// Longest first, so that <= is not read as < and a stray =.
	for _, token := range []string{"===", "==", "!=", "<=", ">=", "<", ">"} {
		if s.accept(token) {
			if token == "===" {
				token = "=="
			}
			return operator(token), nil
		}
	}
	if strings.HasPrefix(s.src[s.pos:], "=") {
		return "", s.errorf("= is not an operator: write ==")
	}
	return "", s.errorf("expected an operator (< <= > >= == !=), got %s", s.rest())
}

// number reads a finite decimal number. Negative zero becomes zero, so that
// equal numbers have one text.
func (s *scanner) number() (float64, error) {
	at := *s
	var previous byte
	text := s.take(func(c byte) bool {
		sign := c == '+' || c == '-'
		ok := '0' <= c && c <= '9' || c == '.' || c == 'e' || c == 'E' ||
			sign && (previous == 0 || previous == 'e' || previous == 'E')
		previous = c
		return ok
	})
	if !isNumber(text) {
		return 0, at.errorf("expected a number, got %s", at.rest())
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(n, 0) {
		return 0, at.errorf("the number %s is out of range", quote(text))
	}
	if n == 0 {
		n = 0 // not -0
	}
	return n, nil
}

// isNumber keeps out what ParseFloat takes beyond decimal numbers: words,
// underscores, hexadecimal.
func isNumber(text string) bool {
	if strings.Trim(text, "+-0123456789.eE") != "" || !strings.ContainsAny(text, "0123456789") {
		return false
	}
	_, err := strconv.ParseFloat(text, 64)
	return err == nil || strings.HasSuffix(err.Error(), strconv.ErrRange.Error())
}

// formatNumber returns the shortest text that reads back as n, without an
// exponent where a person would not use one.
func formatNumber(n float64) string {
	if a := math.Abs(n); a != 0 && (a < 1e-6 || a >= 1e15) {
		return strconv.FormatFloat(n, 'e', -1, 64)
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// quote makes text from a script safe and short enough for a one-line message.
func quote(text string) string {
	const most = 40
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	return strconv.Quote(text)
}
