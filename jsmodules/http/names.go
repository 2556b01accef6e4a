package http

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/jsmodules/http/transport"
	"github.com/swarmload/swarm/sandbox"
)

// Bounds of names that scripts leave to us.
const (
	maxNamesEach = 20   // URLs of one template that keep their own name
	maxTemplates = 1000 // templates that are watched; of further ones every URL is grouped
	maxNameNotes = 10   // templates the user is told of
)

// names decides what requests are called in metrics when the script does not
// say. That is their URL, until too many URLs differ in nothing but what looks
// like data: further ones then bear the template they have in common. Safe for
// concurrent use.
type names struct {
	templates sync.Map // string -> *nameTemplate
	watched   atomic.Int64
	notes     atomic.Int64
}

type nameTemplate struct {
	mu    sync.Mutex
	full  atomic.Bool         // known is not changed any more
	known map[string]struct{} // URLs that keep their name
}

// label returns the name of requests to url.
func (n *names) label(h *sandbox.Host, url string) string {
	template := grouped(url)
	if template == url {
		return url
	}
	kept, ok := n.templates.Load(clipName(template))
	if !ok {
		if n.watched.Add(1) > maxTemplates {
			n.watched.Add(-1)
			return template
		}
		kept, ok = n.templates.LoadOrStore(strings.Clone(clipName(template)), &nameTemplate{known: make(map[string]struct{})})
		if ok {
			n.watched.Add(-1)
		}
	}
	own, first := kept.(*nameTemplate).admit(clipName(url))
	if first && n.notes.Add(1) <= maxNameNotes && h.Log != nil {
		h.Log(sandbox.LogLine{
			Level: "warn", Source: "http",
			Text: "requests to many URLs like " + transport.Clip(url) + " were grouped as " + transport.Clip(template),
			Hint: "http.url`…` or the tag name names them",
		})
	}
	if own {
		return url
	}
	return template
}

// admit reports whether url keeps its name, and whether it is the first that does not.
func (t *nameTemplate) admit(url string) (own, first bool) {
	if !t.full.Load() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if _, own = t.known[url]; own {
			return true, false
		}
		if len(t.known) < maxNamesEach {
			t.known[strings.Clone(url)] = struct{}{}
			return true, false
		}
		return false, !t.full.Swap(true)
	}
	_, own = t.known[url]
	return own, false
}

// clipName cuts a name to the length that tags have.
func clipName(s string) string { return s[:min(len(s), metric.MaxTagValue)] }

// grouped returns the template of a URL: without query, fragment and path
// parameters, and {id} in place of every segment that looks like data. It is a
// pure function; a template is its own template, and at most four times as long
// as the URL.
func grouped(url string) string {
	path := strings.Index(url, "://")
	if path < 0 {
		path = 0
	} else {
		path += len("://")
	}
	if i := strings.IndexAny(url[path:], "/?#"); i >= 0 {
		path += i
	} else {
		return url
	}
	end := len(url)
	if i := strings.IndexAny(url[path:], "?#"); i >= 0 {
		end = path + i
	}
	var b strings.Builder
	done := 0 // how far the URL is in b
	for from := path; from < end; {
		from++ // the slash
		to := end
		if i := strings.IndexByte(url[from:end], '/'); i >= 0 {
			to = from + i
		}
		segment := url[from:to]
		bare, _, _ := strings.Cut(segment, ";")
		if shown := withoutData(bare); shown != segment {
			b.WriteString(url[done:from])
			b.WriteString(shown)
			done = to
		}
		from = to
	}
	if done == 0 {
		return url[:end]
	}
	b.WriteString(url[done:end])
	return b.String()
}

const placeholder = "{id}"

// withoutData returns a segment of a path, or what stands for it: "{id}", or
// "{id}.json" when it is an id with the extension of a file.
func withoutData(segment string) string {
	if data(segment) {
		return placeholder
	}
	if dot := strings.LastIndexByte(segment, '.'); dot > 0 && extension(segment[dot+1:]) && data(segment[:dot]) {
		return placeholder + segment[dot:]
	}
	return segment
}

// extension reports whether s looks like the extension of a file's name.
func extension(s string) bool {
	if len(s) == 0 || len(s) > 5 || !letter(s[0]) {
		return false
	}
	for i := range len(s) {
		if !letter(s[i]) && !digit(s[i]) {
			return false
		}
	}
	return true
}

// data reports whether a segment looks like an id and not like a word: a
// number, date, UUID, ULID, long hexadecimal or base64 text, or an e-mail
// address. No more than that it looks so: grouping begins only when there are
// many.
func data(s string) bool {
	const long = 100 // no word is
	if len(s) > long {
		return true
	}
	digits, hex, letters, dashes, points, others := 0, 0, 0, 0, 0, 0
	at := -1 // of an @
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case digit(c):
			digits++
		case letter(c):
			letters++
			if lower := c | 0x20; lower <= 'f' {
				hex++
			}
		case c == '-' || c == '_':
			dashes++
		case c == '.' || c == ':' || c == ',' || c == '+' || c == '=' || c == '~':
			points++
		case c == '@':
			at = i
		case c == '%' && strings.HasPrefix(s[i:], "%40"):
			at = i
			i += 2
		case c == '%' && i+2 < len(s): // what base64 and dates have escaped
			i += 2
			points++
		default:
			others++
		}
	}
	switch {
	case others > 0:
		return false
	case at > 0:
		return strings.IndexByte(s[at:], '.') > 0 // an e-mail address
	case at == 0, digits == 0:
		return false
	case letters == 0:
		return true // a number, date, time, pair of coordinates
	case letters == hex && dashes == 0 && points == 0:
		return len(s) >= 8
	case points == 0:
		return len(s) >= 16 // UUID, ULID, base64 for URLs
	case len(s) > 4 && s[4] == '-' && strings.Trim(s[:4], "0123456789") == "":
		return letters <= 2 // 2024-05-06T07:08:09Z
	case strings.ContainsAny(s, ".,:~"):
		return false
	}
	return len(s) >= 16
}

func digit(c byte) bool  { return '0' <= c && c <= '9' }
func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// labelOf returns what requests to t are called in metrics when the script does
// not say: the url and name tags. It is decided when first asked for.
func (p *program) labelOf(t *transport.Target) string {
	if label := t.Label.Load(); label != nil {
		return *label
	}
	label := p.names.label(p.host, t.Name)
	t.Label.Store(&label)
	return label
}
