package plan

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// mask stands for a secret. It is refused where a secret is due, so that masked
// options are not mistaken for real ones.
const mask = "****"

const maskedHint = "swarm inspect masks secrets: put it in again"

// Masked returns a copy of the plan without the secrets in it: keys, their
// passwords, and passwords in URLs. That is what may be shown, kept and sent
// about; a runner needs the plan itself.
func (p *Plan) Masked() *Plan {
	masked := *p
	h := &masked.HTTP
	h.BaseURL, h.Proxy = maskURL(h.BaseURL), maskURL(h.Proxy)
	h.Proxies.HTTP, h.Proxies.HTTPS = maskURL(h.Proxies.HTTP), maskURL(h.Proxies.HTTPS)
	h.TLS.Auth = slices.Clone(h.TLS.Auth)
	for i := range h.TLS.Auth {
		a := &h.TLS.Auth[i]
		a.Key = mask
		if a.Password != "" {
			a.Password = mask
		}
	}
	return &masked
}

// maskURL hides the password of a URL, or what stands there alone: then it
// is a token more often than a name.
func maskURL(text string) string {
	_, rest, found := strings.Cut(text, "://")
	if !found {
		return text
	}
	start := len(text) - len(rest)
	end := len(text)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = start + i
	}
	at := strings.LastIndexByte(text[start:end], '@')
	if at < 0 {
		return text
	}
	name, _, hasPassword := strings.Cut(text[start:start+at], ":")
	if !hasPassword {
		return text[:start] + mask + text[start+at:]
	}
	return text[:start] + name + ":" + mask + text[start+at:]
}

// masked reports whether the password of a URL is only the mask of one.
func masked(u *url.URL) bool {
	password, has := u.User.Password()
	return password == mask || !has && u.User.Username() == mask
}

// conceal returns v as a value that holds secrets: what is wrong with it, or
// inside it, is told without repeating it, and no line it stands on is shown.
func (v value) conceal() value {
	v.secret = true
	v.hide()
	return v
}

// concealURL is conceal where v, or something inside it, is a URL with
// credentials.
func (v value) concealURL() value {
	if v.mentions("@") {
		return v.conceal()
	}
	return v
}

// mentions reports whether a string in n contains part.
func (n node) mentions(part string) bool {
	return strings.Contains(n.literal, part) ||
		slices.ContainsFunc(n.items, func(item node) bool { return item.mentions(part) }) ||
		slices.ContainsFunc(n.fields, func(f field) bool { return f.value.mentions(part) })
}

func (v value) hide() {
	v.to.hide(v.at())
	for _, f := range v.fields {
		v.child(f.key, f.value).hide()
	}
	for i, item := range v.items {
		v.child(strconv.Itoa(i), item).hide()
	}
}
