package html

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// What a page can cost, whoever wrote it.
const (
	// maxNodes bounds a document; a node takes about 150 bytes.
	maxNodes = 2_000_000
	// maxText bounds each text that is made from a document, in bytes. Texts of
	// elements inside each other would otherwise add up.
	maxText = 64 << 20
	// maxSelector and maxParts bound a selector: its bytes, and the simple
	// selectors joined by combinators in one of its alternatives.
	maxSelector = 1000
	maxParts    = 64
	// patience bounds one operation on a document.
	patience = 5 * time.Second
)

var (
	errText = fmt.Errorf("more than %d MiB of text", maxText>>20)
	errSlow = fmt.Errorf("it takes longer than %v on this document", patience)
)

// work is one operation on a document. It ends with its context, or when
// patience runs out; the operation is then quickly brought to an end, whatever
// comes out of it, and err tells why.
type work struct {
	ctx   context.Context
	until time.Time
	steps uint
	err   error
}

func newWork(ctx context.Context) *work {
	return &work{ctx: ctx, until: time.Now().Add(patience)}
}

// step counts a step of the operation and reports whether to go on.
func (w *work) step() bool {
	if w.steps++; w.steps%64 == 0 {
		return w.goOn()
	}
	return w.err == nil
}

func (w *work) goOn() bool {
	if w.err == nil {
		if w.err = w.ctx.Err(); w.err == nil && time.Now().After(w.until) {
			w.err = errSlow
		}
	}
	return w.err == nil
}

// late reports whether the operation ended with its context.
func (w *work) late() bool { return w.err != nil && !errors.Is(w.err, errSlow) }

// affordable reports whether text is sure to come to no more than about
// maxNodes nodes.
//
// The text alone does not bound them: each formatting element (b, i, font, …)
// that was left open when its parent ended is opened again in every following
// element. <div><b 1><b 2>…<b 500></div> makes 500 nodes of each <p>x that
// comes after it. So a tag counts as many nodes as formatting elements can be
// open at it. A first look counts all of them as open; when that is too many, a
// closer one follows the tags.
func affordable(text string) bool {
	tags, formatting := 0, 0
	for rest := text; ; {
		i := strings.IndexByte(rest, '<')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		tags++
		if isFormatting(nameAt(rest)) {
			formatting++
		}
	}
	return nodes(tags, formatting) <= maxNodes || affordableClosely(text)
}

// nodes is how many come at most of so many tags, with the text before them,
// when so many formatting elements can be open at each.
func nodes(tags, open int) int {
	// A link counts as one more that is open: never more than one is. No more
	// than 512 elements are ever opened.
	return tags * (3 + min(open, 512))
}

// nameAt returns the name of the tag that the text begins with.
func nameAt(text string) string {
	end := 0
	for end < len(text) && end < 8 && (text[end]|0x20 >= 'a' && text[end]|0x20 <= 'z') {
		end++
	}
	return text[:end]
}

// isFormatting reports whether elements of that name are opened again. Of links
// never more than one is.
func isFormatting(name string) bool {
	if len(name) > 6 {
		return false
	}
	var lower [6]byte
	for i := range len(name) {
		lower[i] = name[i] | 0x20
	}
	switch string(lower[:len(name)]) {
	case "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u":
		return true
	}
	return false
}

// affordableClosely is affordable by following the tags. A formatting element
// counts as closed only by an end tag that is sure to close it: one with
// nothing but text, formatting and other phrasing in between. All others count
// as open to the end, though of those with the same attributes no more than
// three are.
func affordableClosely(text string) bool {
	most, sure := estimate(text)
	return sure && most <= maxNodes
}

// estimate returns how many nodes text comes to at most, or more than maxNodes;
// sure is false when that cannot be told.
func estimate(text string) (most int, sure bool) {
	var (
		open    formatting
		foreign foreign
	)
	for z := html.NewTokenizer(strings.NewReader(text)); ; {
		kind := z.Next()
		// What comes at the end of the text counts as another tag.
		most += nodes(1, open.most())
		if kind == html.ErrorToken || most > maxNodes {
			return most, true
		}
		raw := z.Raw()
		switch kind {
		case html.StartTagToken, html.SelfClosingTagToken:
			what := string(raw)
			tag, _ := z.TagName()
			open.start(string(tag), what)
			foreign.start(string(tag), kind == html.SelfClosingTagToken)
		case html.EndTagToken:
			tag, _ := z.TagName()
			open.end(string(tag))
			foreign.end(string(tag))
		default:
			if foreign.doubtful(kind, raw) {
				return 0, false
			}
		}
	}
}

// formatting is which formatting elements can be open.
type formatting struct {
	inner []string // sure to be closed by their end tags
	what  []string // the tags that opened them
	left  map[string]int
	sum   int // of left
}

func (f *formatting) most() int { return len(f.inner) + f.sum }

func (f *formatting) start(name, tag string) {
	if isFormatting(name) {
		f.inner, f.what = append(f.inner, name), append(f.what, tag)
	} else if !isPhrasing(name) {
		f.leave()
	}
}

func (f *formatting) end(name string) {
	if last := len(f.inner) - 1; last >= 0 && f.inner[last] == name {
		f.inner, f.what = f.inner[:last], f.what[:last]
	} else if !isPhrasing(name) {
		f.leave()
	}
}

// leave counts what is open as left open for good.
func (f *formatting) leave() {
	if f.left == nil {
		f.left = make(map[string]int)
	}
	for _, tag := range f.what {
		if f.left[tag] < 3 {
			f.left[tag]++
			f.sum++
		}
	}
	f.inner, f.what = f.inner[:0], f.what[:0]
}

// isPhrasing reports whether a tag of that name leaves the formatting elements
// around it alone.
func isPhrasing(name string) bool {
	switch name {
	case "a", "span", "br", "img", "input", "wbr", "label", "abbr", "sub", "sup", "cite", "kbd", "q", "time", "var", "samp", "mark":
		return true
	}
	return false
}

// foreign follows where the text may be SVG or MathML. There the contents of
// style, title and the like, and sections of CDATA, are read in a way that only
// the parser knows.
type foreign struct {
	open []string // svg and math
	ever bool     // it cannot be told any more
}

func (f *foreign) start(name string, closed bool) {
	switch name {
	case "svg", "math":
		if len(f.open) == 512 {
			f.ever = true // deeper than will be parsed
		} else if !closed {
			f.open = append(f.open, name)
		}
	case "foreignobject", "desc", "annotation-xml", "mi", "mo", "mn", "ms", "mtext":
		// They hold HTML, in which an end tag need not end what it names.
		f.ever = f.ever || len(f.open) > 0
	}
}

func (f *foreign) end(name string) {
	for i := len(f.open) - 1; i >= 0; i-- {
		if f.open[i] == name {
			f.open = f.open[:i]
			return
		}
	}
}

// doubtful reports whether what is neither tag could hold tags.
func (f *foreign) doubtful(kind html.TokenType, raw []byte) bool {
	if len(f.open) == 0 && !f.ever {
		return false
	}
	return kind == html.TextToken && bytes.IndexByte(raw, '<') >= 0 || kind == html.CommentToken && bytes.HasPrefix(raw, []byte("<![CDATA["))
}
