package codeframe

import (
	"slices"
	"strings"
	"unicode"
)

// veil replaces what looks like a secret in a line of source by as many
// asterisks, so that columns stay what they are: credentials in URLs and
// headers, private keys, and texts that are given to a name such as password.
// It goes by looks, as nobody can know what a script calls its secrets: better
// one asterisk too many than a password in a build's log.
func veil(line string) string {
	v := veiler{text: []rune(line)}
	v.out = slices.Clone(v.text)
	v.code(0, len(v.text), 0)
	v.urls()
	return string(v.out)
}

// veiler reads text and hides parts of it in out, rune by rune.
type veiler struct{ text, out []rune }

// escape stands in text for a backslash before a quote that counts as one.
const escape = 0

// maxNested bounds texts within texts: JSON within a template, say.
const maxNested = 3

func (v *veiler) hide(from, to int) {
	for i := from; i < to; i++ {
		if v.text[i] != '\t' && v.text[i] != escape { // a tab takes more than one column
			v.out[i] = '*'
		}
	}
}

// code goes through the tokens between two places. A text is hidden where it is
// given to a name that says so: after : or =, as the next argument, or anywhere
// within what is given.
func (v *veiler) code(from, to, nested int) {
	const none = -1
	var (
		named  bool // the last token but for ] and ) was the name of a secret
		depth  int  // of brackets
		calls  int  // brackets that were open when the value began
		secret = none
	)
	for i := from; i < to; {
		r := v.text[i]
		switch {
		case r == '\'' || r == '"' || r == '`':
			end := v.textEnd(i, to)
			inner := end
			if end > i+1 && v.text[end-1] == r {
				inner--
			}
			content := v.text[i+1 : max(inner, i+1)]
			switch {
			case secret != none && !isScheme(content) && (depth == calls || !isAddress(content)):
				v.hide(i+1, inner)
			default:
				v.content(i+1, inner, nested)
			}
			named = isSecretName(content)
			i = end
			continue
		case isNameRune(r):
			start := i
			for i < to && (isNameRune(v.text[i]) || unicode.IsDigit(v.text[i])) {
				i++
			}
			named = isSecretName(v.text[start:i])
			continue
		case r == ':' || r == '=':
			if named && secret == none {
				secret, calls = depth, depth
			}
			named = false
		case r == '(' || r == '[' || r == '{':
			depth++
			named = false
		case r == ')' || r == ']' || r == '}':
			depth--
			if depth < secret {
				secret = none
			}
			// h['X-Api-Key'] = …
			named = named && r == ']'
		case r == ',' || r == ';':
			if secret != none && depth <= secret {
				secret = none
			}
			if named && r == ',' { // set('Authorization', …)
				secret, calls = depth, depth
			}
			named = false
		case r == '?' || r == escape || unicode.IsSpace(r): // name ?: …
		default:
			named = false
		}
		i++
	}
}

// textEnd returns where the text that begins at i ends, quotes included.
func (v *veiler) textEnd(i, to int) int {
	quote := v.text[i]
	for i++; i < to; i++ {
		switch v.text[i] {
		case '\\':
			i++
		case quote:
			return i + 1
		}
	}
	return to
}

// content hides secrets inside a text: behind the scheme of a header, in pairs
// such as token=…, private keys, and what is written as code again.
func (v *veiler) content(from, to, nested int) {
	text := v.text[from:to]
	if strings.Contains(string(text), "PRIVATE KEY-----") {
		v.hide(from, to)
		return
	}
	// Of "token is there" it is no scheme.
	if space := slices.IndexFunc(text, unicode.IsSpace); space > 0 && isScheme(text[:space]) &&
		(!slices.ContainsFunc(text[space+1:], unicode.IsSpace) || slices.Contains(text, '=')) {
		v.hide(from+space+1, to)
		return
	}
	v.pairs(from, to)
	if nested == maxNested || !slices.ContainsFunc(text, func(r rune) bool { return r == '"' || r == '\'' }) {
		return
	}
	// Quotes that are escaped are quotes to whoever reads the text.
	within := veiler{text: slices.Clone(v.text), out: v.out}
	for i := from; i+1 < to; i++ {
		if next := within.text[i+1]; within.text[i] == '\\' && (next == '"' || next == '\'') {
			within.text[i] = escape
		}
	}
	within.code(from, to, nested+1)
}

// schemes are how the value of an Authorization header may begin.
var schemes = []string{"basic", "bearer", "digest", "negotiate", "ntlm", "token", "apikey", "hawk", "hoba", "mutual", "aws4-hmac-sha256"}

// isScheme reports whether a text only names a way to log in, as the parameter
// auth does.
func isScheme(text []rune) bool { return slices.Contains(schemes, strings.ToLower(string(text))) }

// pairs hides the values of name=value as queries, forms and cookies have them.
func (v *veiler) pairs(from, to int) {
	start := from // of the name
	for i := from; i < to; i++ {
		switch r := v.text[i]; {
		case r == '=' && isSecretName(v.text[start:i]):
			end := i + 1
			for end < to && !strings.ContainsRune("&;#,'\"`", v.text[end]) && !unicode.IsSpace(v.text[end]) {
				end++
			}
			v.hide(i+1, end)
			i, start = end, end+1
		case !isNameRune(r) && !unicode.IsDigit(r) && r != '-' && r != '.':
			start = i + 1
		}
	}
}

// urls hides the credentials of URLs, wherever they stand: also in comments, and
// where a line begins inside a text.
func (v *veiler) urls() {
	for i := 0; i+3 <= len(v.text); i++ {
		if string(v.text[i:i+3]) != "://" {
			continue
		}
		from := i + 3
		end := from
		for end < len(v.text) && !strings.ContainsRune("'\"`<>", v.text[end]) && !unicode.IsSpace(v.text[end]) {
			end++
		}
		authority := end
		if n := slices.IndexFunc(v.text[from:end], func(r rune) bool { return strings.ContainsRune("/?#", r) }); n >= 0 {
			authority = from + n
		}
		colon := slices.Index(v.text[from:authority], ':')
		// A slash in a password makes no URL, but is written all the same.
		if !slices.Contains(v.text[from:authority], '@') && colon >= 0 && !allDigits(v.text[from+colon+1:authority]) {
			authority = end
		}
		at := lastIndex(v.text[from:authority], '@')
		if at < 0 {
			continue
		}
		if colon >= 0 && colon < at {
			v.hide(from+colon+1, from+at)
		} else {
			v.hide(from, from+at) // one text alone is a token more often than a name
		}
	}
}

func lastIndex(text []rune, r rune) int {
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] == r {
			return i
		}
	}
	return -1
}

func allDigits(text []rune) bool {
	return !slices.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

func isNameRune(r rune) bool { return r == '_' || r == '$' || unicode.IsLetter(r) }

// isAddress reports whether a text is what a request is sent to: of
// token = login('https://…', 'hunter2') it is not the secret.
func isAddress(text []rune) bool {
	s := string(text)
	return strings.HasPrefix(s, "/") || strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
}

// isSecretName reports whether something is called as secrets are: "X-Api-Key",
// "dbPassword", "refresh_token".
func isSecretName(name []rune) bool {
	const most = 80
	if n := len(name); n > 0 && name[n-1] == escape {
		name = name[:n-1]
	}
	if len(name) == 0 || len(name) > most || slices.ContainsFunc(name, unicode.IsSpace) {
		return false
	}
	s := strings.ToLower(string(name))
	for _, part := range []string{"passw", "passphrase", "secret", "token", "apikey", "authoriz", "credential", "cookie"} {
		if strings.Contains(s, part) {
			return true
		}
	}
	word := 0
	isWord := func(to int) bool {
		switch strings.ToLower(string(name[word:to])) {
		case "pass", "pwd", "pw", "key", "auth", "session", "sessionid", "sid", "jwt", "bearer", "signature", "sig":
			return true
		}
		return false
	}
	for i, r := range name {
		switch {
		case !unicode.IsLetter(r):
			if isWord(i) {
				return true
			}
			word = i + 1
		case unicode.IsUpper(r) && i > 0 && !unicode.IsUpper(name[i-1]):
			if isWord(i) {
				return true
			}
			word = i
		}
	}
	return isWord(len(name))
}
