package html

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Document is a parsed page. It is never changed, and safe for concurrent use.
type Document struct {
	root *html.Node
}

// ErrTooLarge is what a document is refused with that would come to more nodes
// than are kept, or is nested too deep.
var ErrTooLarge = errors.New("the document is too large")

// Parse parses text as a browser parses a page. Whatever the text is, the
// result is a document, unless it has more than maxNodes nodes or is nested
// deeper than 512 elements (ErrTooLarge), ctx ends, or parsing takes longer
// than patience. Bytes that are not UTF-8 are kept as they are.
func Parse(ctx context.Context, text string) (*Document, error) {
	if !affordable(text) {
		return nil, fmt.Errorf("%w: it could have more than %d nodes", ErrTooLarge, maxNodes)
	}
	w := newWork(ctx)
	root, err := html.Parse(&source{text: text, w: w})
	switch {
	case w.err != nil:
		return nil, fmt.Errorf("parse the document: %w", w.err)
	case err != nil:
		// The source fails in no other way: what is left is the nesting.
		return nil, fmt.Errorf("%w: it is nested deeper than 512 elements", ErrTooLarge)
	}
	return &Document{root: root}, nil
}

// source is the text that is parsed. The parser asks for 4 KB at a time, for
// more only in the middle of a longer text or tag, so that little is done
// between two looks at whether to go on. It must get as much as it asks for: it
// copies what it has of a tag each time.
type source struct {
	text string
	w    *work
}

func (s *source) Read(p []byte) (int, error) {
	if !s.w.goOn() {
		return 0, s.w.err
	}
	if s.text == "" {
		return 0, io.EOF
	}
	n := copy(p, s.text)
	s.text = s.text[n:]
	return n, nil
}

// base returns what the document's references are relative to: the page's own
// address, or what its first <base href> makes of it.
func (d *Document) base(page *url.URL) *url.URL {
	var find func(n *html.Node) *html.Node
	find = func(n *html.Node) *html.Node {
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			if c.DataAtom == atom.Base && c.Namespace == "" {
				if _, ok := attribute(c, "href"); ok {
					return c
				}
			}
			if found := find(c); found != nil {
				return found
			}
		}
		return nil
	}
	// A parsed document has its <base> in its head, wherever it was written
	// before the body; those in the body count too, but come later.
	if n := find(d.root); n != nil {
		href, _ := attribute(n, "href")
		if u, err := reference(page, href); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
			return u
		}
	}
	return page
}

// resolve returns the address that href in the document means when the document
// came from page. It has no fragment.
func (d *Document) resolve(page, href string) (string, error) {
	u, err := url.Parse(page)
	if err != nil {
		return "", fmt.Errorf("the page's own address: %w", err)
	}
	if href = strings.Trim(href, space); href == "" {
		u.Fragment, u.RawFragment = "", ""
		return u.String(), nil
	}
	if u, err = reference(d.base(u), href); err != nil {
		return "", err
	}
	u.Fragment, u.RawFragment = "", ""
	return u.String(), nil
}

// space is what HTML calls whitespace.
const space = "\t\n\f\r "

// reference parses a reference as forgivingly as browsers do: space around it
// and line breaks in it do not count, and a percent sign that begins no escape
// stands for itself.
func reference(base *url.URL, href string) (*url.URL, error) {
	href = strings.Trim(href, space)
	href = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(href)
	var b strings.Builder
	for i := range len(href) {
		b.WriteByte(href[i])
		if href[i] == '%' && (i+2 >= len(href) || !isHex(href[i+1]) || !isHex(href[i+2])) {
			b.WriteString("25")
		}
	}
	u, err := url.Parse(b.String())
	if err != nil {
		var wrong *url.Error
		if errors.As(err, &wrong) {
			err = wrong.Err
		}
		return nil, fmt.Errorf("%s is no address: %w", quoted(href), err)
	}
	return base.ResolveReference(u), nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// attribute returns the value of an attribute of n, which is an element's or
// there is none.
func attribute(n *html.Node, name string) (string, bool) {
	for i := range n.Attr {
		if n.Attr[i].Key == name && n.Attr[i].Namespace == "" {
			return n.Attr[i].Val, true
		}
	}
	return "", false
}

func has(n *html.Node, name string) bool {
	_, ok := attribute(n, name)
	return ok
}

// is reports whether n is one of these elements of HTML.
func is(n *html.Node, names ...atom.Atom) bool {
	if n == nil || n.Type != html.ElementNode || n.Namespace != "" || n.DataAtom == 0 {
		return false
	}
	for _, name := range names {
		if n.DataAtom == name {
			return true
		}
	}
	return false
}

// above returns the nearest ancestor of n that is one of these elements, or nil.
func above(n *html.Node, names ...atom.Atom) *html.Node {
	for p := n.Parent; p != nil; p = p.Parent {
		if is(p, names...) {
			return p
		}
	}
	return nil
}

// within calls f with each node below n, in the order of the document, until it
// returns false.
func within(n *html.Node, f func(*html.Node) bool) bool {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if !f(c) || !within(c, f) {
			return false
		}
	}
	return true
}

// text appends the text in n, and reports whether it had room.
func text(b *strings.Builder, n *html.Node) bool {
	if n.Type == html.TextNode {
		if b.Len()+len(n.Data) > maxText {
			return false
		}
		b.WriteString(n.Data)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if !text(b, c) {
			return false
		}
	}
	return true
}

// content returns the text in n, what there is room for of it.
func content(n *html.Node) string {
	var b strings.Builder
	text(&b, n)
	return b.String()
}

// markup returns the HTML of what is in n.
func markup(n *html.Node) (string, error) {
	var b limited
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if err := html.Render(&b, c); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// limited is a text of at most maxText bytes.
type limited struct{ strings.Builder }

func (b *limited) room(n int) error {
	if b.Len()+n > maxText {
		return errText
	}
	return nil
}

func (b *limited) Write(p []byte) (int, error) {
	if err := b.room(len(p)); err != nil {
		return 0, err
	}
	return b.Builder.Write(p)
}

func (b *limited) WriteString(s string) (int, error) {
	if err := b.room(len(s)); err != nil {
		return 0, err
	}
	return b.Builder.WriteString(s)
}

func (b *limited) WriteByte(c byte) error {
	if err := b.room(1); err != nil {
		return err
	}
	return b.Builder.WriteByte(c)
}
