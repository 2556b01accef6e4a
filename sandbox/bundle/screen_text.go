package bundle

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// lineEnd is the length of a line separator beyond ASCII at the start of text.
func lineEnd(text string) int {
	if len(text) >= 3 && text[0] == 0xE2 && text[1] == 0x80 && (text[2] == 0xA8 || text[2] == 0xA9) {
		return 3
	}
	return 0
}

// blank is the length of a space beyond ASCII at the start of text.
func blank(text string) int {
	if r, n := utf8.DecodeRuneInString(text); unicode.IsSpace(r) || unicode.Is(unicode.Zs, r) || r == '\ufeff' {
		return n
	}
	return 0
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c == '#' || c == '\\' || c >= 0x80
}

func (s *screener) lineComment() {
	start := s.pos
	for s.pos < len(s.text) && s.text[s.pos] != '\n' && s.text[s.pos] != '\r' && lineEnd(s.text[s.pos:]) == 0 {
		s.pos++
	}
	s.noteMap(start)
}

func (s *screener) blockComment() {
	start := s.pos
	end := strings.Index(s.text[s.pos+2:], "*/")
	if end < 0 {
		s.pos = len(s.text)
	} else {
		s.pos += 2 + end + 2
	}
	if strings.ContainsAny(s.text[start:s.pos], "\n\r") || strings.Contains(s.text[start:s.pos], "\u2028") || strings.Contains(s.text[start:s.pos], "\u2029") {
		s.newline = true
	}
	s.noteMap(start)
}

func (s *screener) noteMap(start int) {
	const mark = "sourceMappingURL="
	comment := s.text[start:s.pos]
	for at := 0; ; {
		i := strings.Index(comment[at:], mark)
		if i < 0 {
			return
		}
		s.maps = append(s.maps, start+at+i)
		at += i + len(mark)
	}
}

// str skips a string literal. One that a line ends is a syntax error, which
// the parser will tell.
func (s *screener) str(quote byte) {
	for s.pos++; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; {
		case c == '\\':
			s.pos++
			if s.pos+1 < len(s.text) && s.text[s.pos] == '\r' && s.text[s.pos+1] == '\n' {
				s.pos++
			}
		case c == quote:
			s.pos++
			return
		case c == '\n', c == '\r':
			return
		}
	}
	s.pos = min(s.pos, len(s.text))
}

// template skips the text of a template up to its end or to a ${.
func (s *screener) template() {
	for s.pos < len(s.text) {
		switch {
		case s.text[s.pos] == '\\':
			s.pos = min(s.pos+2, len(s.text))
		case s.text[s.pos] == '`':
			s.pos++
			s.ends()
			return
		case strings.HasPrefix(s.text[s.pos:], "${"):
			s.pos += 2
			s.open('$')
			return
		default:
			s.pos++
		}
	}
}

// startsRegexp skips a regular expression, if the slash begins one.
func (s *screener) startsRegexp() bool {
	// TypeScript ends a type at a line's end where JavaScript goes on.
	unsure := s.unsure || s.operand && s.newline
	if s.operand && !unsure {
		return false
	}
	inClass, risky, opens := false, false, 0
	i := s.pos + 1
scan:
	for ; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '\n', c == '\r', lineEnd(s.text[i:]) > 0:
			break scan
		case c == '\\':
			i++
			if i < len(s.text) && (s.text[i] == '\n' || s.text[i] == '\r') {
				break scan
			}
		case c == '/' && !inClass:
			after := s.text[i+1:]
			if unsure && (risky || opens != 0 || strings.HasPrefix(after, "/") || strings.HasPrefix(after, "*")) {
				s.refuse("this may be a division or a regular expression: put it in parentheses")
			}
			body := s.pos
			s.pos = i + 1
			for s.pos < len(s.text) && wordByte(s.text[s.pos]) {
				s.pos++
			}
			s.noteProperties(body, i)
			s.ends()
			return true
		case c == '[', c == ']':
			inClass = c == '['
			opens++
			if c == ']' {
				opens -= 2
			}
		case c == '(', c == '{':
			opens++
		case c == ')', c == '}':
			opens--
		case c == '`', c == '"', c == '\'', c == '/':
			risky = true
		}
	}
	// No end on this line: a division.
	if s.vain += i - s.pos; s.vain > maxScan {
		s.refuse("too many slashes without a meaning")
	}
	return false
}

func (s *screener) noteProperties(start, end int) {
	if !strings.Contains(s.text[end:s.pos], "u") {
		return
	}
	for i := start; i < end; i++ {
		if s.text[i] != '\\' {
			continue
		}
		if escape := s.text[i+1 : end]; strings.HasPrefix(escape, "p{") || strings.HasPrefix(escape, "P{") {
			if len(s.properties) < maxDiagnostics {
				s.properties = append(s.properties, i)
			}
		}
		i++
	}
}

// role of a word in an expression.
type role uint8

const (
	plainWord role = iota
	prefixes       // an operand follows
	embeds         // a statement follows
	maybe          // a prefix in some places, a name in others
	joins          // a binary operator
	begins         // of a function or class
)

var words = map[string]role{
	"await": maybe, "async": plainWord, "case": prefixes, "class": begins, "delete": prefixes, "do": embeds, "else": embeds,
	"extends": prefixes, "for": embeds, "function": begins, "if": embeds, "in": joins, "infer": maybe, "instanceof": joins,
	"keyof": maybe, "new": prefixes, "of": maybe, "readonly": maybe, "return": prefixes, "throw": prefixes, "typeof": prefixes,
	"unique": maybe, "void": prefixes, "while": embeds, "with": embeds, "yield": maybe, "asserts": maybe, "abstract": maybe,
	"default": prefixes,
}
