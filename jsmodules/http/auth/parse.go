package auth

import (
	"fmt"
	"slices"
	"strings"
)

// challenge is one of those a server offers (RFC 9110, section 11.6.1). It has
// either a token or parameters, or neither.
type challenge struct {
	scheme string
	token  string // token68
	params []param
}

type param struct{ name, value string } // name in lower case

// get returns a parameter's value, "" without it.
func (c *challenge) get(name string) string {
	v, _ := c.find(name)
	return v
}

func (c *challenge) find(name string) (string, bool) {
	i := slices.IndexFunc(c.params, func(p param) bool { return p.name == name })
	if i < 0 {
		return "", false
	}
	return c.params[i].value, true
}

// parseAll reads all fields. What is wrong in one does not hide the others: the
// challenges that can be read come with the error.
func parseAll(fields []string) (list []challenge, err error) {
	size := 0
	for _, f := range fields {
		if size += len(f); size > maxHeader {
			return nil, fmt.Errorf("%w: more than %d bytes", ErrMalformed, maxHeader)
		}
	}
	for _, f := range fields {
		l, e := parse(f)
		if e != nil {
			err = e
			continue
		}
		list = append(list, l...)
	}
	if len(list) > maxChallenges {
		return nil, fmt.Errorf("%w: more than %d", ErrMalformed, maxChallenges)
	}
	return list, err
}

// parse reads one field: a list of challenges, each of which may hold a list
// itself. A word before "=" belongs to the challenge before it, any other begins
// a new one.
func parse(field string) ([]challenge, error) {
	s := scanner{field}
	var list []challenge
	for {
		s.skip(" \t,")
		if s.rest == "" {
			return list, nil
		}
		word := s.take(isToken)
		if word == "" {
			return nil, ErrMalformed
		}
		after := scanner{s.rest}
		after.skip(" \t")
		if len(list) > 0 && strings.HasPrefix(after.rest, "=") {
			c := &list[len(list)-1]
			s.rest = after.rest[1:]
			value, ok := s.value()
			p := param{strings.ToLower(word), value}
			if _, twice := c.find(p.name); !ok || twice || c.token != "" || len(c.params) == maxParams {
				return nil, ErrMalformed
			}
			c.params = append(c.params, p)
			continue
		}
		if len(list) == maxChallenges || s.rest != "" && strings.IndexByte(" \t,", s.rest[0]) < 0 {
			return nil, ErrMalformed
		}
		list = append(list, challenge{scheme: word, token: s.token68()})
	}
}

// scanner takes a field apart from the front.
type scanner struct{ rest string }

func (s *scanner) skip(chars string) { s.rest = strings.TrimLeft(s.rest, chars) }

func (s *scanner) take(want func(byte) bool) string {
	n := 0
	for n < len(s.rest) && want(s.rest[n]) {
		n++
	}
	word := s.rest[:n]
	s.rest = s.rest[n:]
	return word
}

// token68 takes a token in place of parameters, if that is what follows.
func (s *scanner) token68() string {
	t := scanner{s.rest}
	t.skip(" \t")
	from := t.rest
	if t.take(isToken68) == "" {
		return ""
	}
	t.take(func(b byte) bool { return b == '=' })
	word := from[:len(from)-len(t.rest)]
	if t.skip(" \t"); t.rest != "" && t.rest[0] != ',' {
		return ""
	}
	s.rest = t.rest
	return word
}

// value takes a parameter's value, in quotes or not. Some servers leave the
// quotes out where they must not.
func (s *scanner) value() (string, bool) {
	s.skip(" \t")
	if !strings.HasPrefix(s.rest, `"`) {
		return s.take(func(b byte) bool { return b > ' ' && b != 0x7f && b != ',' && b != '"' }), true
	}
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		c := s.rest[i]
		if c == '"' {
			s.rest = s.rest[i+1:]
			return b.String(), s.rest == "" || strings.IndexByte(" \t,", s.rest[0]) >= 0
		}
		if c == '\\' && i+1 < len(s.rest) {
			i++
			c = s.rest[i]
		}
		if c < ' ' && c != '\t' || c == 0x7f {
			return "", false
		}
		b.WriteByte(c)
	}
	return "", false
}

// isToken tells the bytes of a token (RFC 9110, section 5.6.2).
func isToken(b byte) bool {
	return b > ' ' && b < 0x7f && strings.IndexByte(`"(),/:;<=>?@[\]{}`, b) < 0
}

func isToken68(b byte) bool {
	return 'a' <= b|0x20 && b|0x20 <= 'z' || '0' <= b && b <= '9' || strings.IndexByte("-._~+/", b) >= 0
}

// appendQuoted appends s as a quoted string (RFC 9110, section 5.6.4). It holds
// no control characters.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}
