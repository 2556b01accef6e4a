package http

import (
	nethttp "net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/publicsuffix"
)

// jar is a cookie jar that costs nothing until the first cookie. Safe for
// concurrent use.
type jar struct {
	any atomic.Bool // holds, or held, a cookie

	mu    sync.Mutex
	inner *cookiejar.Jar
	known map[string]struct{} // name, domain and path of the cookies taken

	// What vuSetup put into the jar outlives reset; nil when it ran no request.
	kept    *[]keptCookies
	note    bool // vuSetup is running
	changed bool // since it has ended, or since reset
}

// keptCookies are cookies that were put into a jar at once.
type keptCookies struct {
	url     *url.URL
	cookies []*nethttp.Cookie
}

// requestCookie is a cookie for one request, from its params.
type requestCookie struct {
	name, value string
	replace     bool // instead of the jar's cookies of that name
}

// store takes the cookies of a response from u. A jar holds at most maxCookies:
// a server that sends more keeps those it has.
func (j *jar) store(p *program, u *url.URL, lines []string) {
	var cookies []*nethttp.Cookie
	for _, line := range lines {
		if ck, err := nethttp.ParseSetCookie(line); err == nil && keepsPromise(u, ck) {
			cookies = append(cookies, ck)
		}
	}
	if !j.set(u, cookies) {
		p.warn("a cookie jar is full: it takes no more than 3000 cookies")
	}
}

// keepsPromise reports whether a cookie from u is as secure as its name says
// (RFC 6265bis, 4.1.3); the library's jar does not look.
func keepsPromise(u *url.URL, ck *nethttp.Cookie) bool {
	name := strings.ToLower(ck.Name)
	secure := ck.Secure && u.Scheme == "https"
	switch {
	case strings.HasPrefix(name, "__secure-"):
		return secure
	case strings.HasPrefix(name, "__host-"):
		return secure && ck.Domain == "" && ck.Path == "/"
	}
	return true
}

// set puts cookies into the jar; it reports false when the jar was full.
func (j *jar) set(u *url.URL, cookies []*nethttp.Cookie) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.inner == nil {
		j.inner, _ = cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List}) // gives no error
		j.known = map[string]struct{}{}
	}
	room := true
	taken := make([]*nethttp.Cookie, 0, len(cookies))
	for _, ck := range cookies {
		id := ck.Name + ";" + ck.Domain + ";" + ck.Path
		if ck.Path == "" {
			id += u.Path
		}
		if ck.Domain == "" {
			id += u.Host
		}
		if _, ok := j.known[id]; !ok {
			if len(j.known) >= maxCookies {
				room = false
				continue
			}
			j.known[id] = struct{}{}
		}
		taken = append(taken, ck)
	}
	j.inner.SetCookies(u, taken)
	j.any.Store(true)
	j.changed = true
	if j.note {
		for i, ck := range taken {
			if ck.MaxAge > 0 { // counts from now, whenever it is put back
				fixed := *ck
				fixed.Expires, fixed.MaxAge = time.Now().Add(time.Duration(ck.MaxAge)*time.Second), 0
				taken[i] = &fixed
			}
		}
		j.append(keptCookies{u, taken})
	}
	return room
}

// append notes cookies for reset; j.mu is held.
func (j *jar) append(k keptCookies) {
	if len(*j.kept) < maxCookies {
		*j.kept = append(*j.kept, k)
	}
}

// record notes what is put into the jar from now until keep.
func (j *jar) record() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.kept == nil {
		j.kept = new([]keptCookies)
	}
	j.note = true
}

// keep makes what was recorded the content that reset restores.
func (j *jar) keep() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.note, j.changed = false, false
}

// cookies returns what the jar would send to u.
func (j *jar) cookies(u *url.URL) []*nethttp.Cookie {
	if j == nil || !j.any.Load() {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.inner == nil {
		return nil
	}
	return j.inner.Cookies(u)
}

// reset empties the jar but for what vuSetup put into it.
func (j *jar) reset() {
	if !j.any.Load() {
		return
	}
	j.mu.Lock()
	if !j.changed {
		j.mu.Unlock()
		return
	}
	j.inner, j.known = nil, nil
	j.any.Store(false)
	kept := j.kept
	j.mu.Unlock()
	if kept == nil {
		return
	}
	for _, k := range *kept {
		j.set(k.url, k.cookies)
	}
	j.mu.Lock()
	j.changed = false
	j.mu.Unlock()
}

// remove deletes the cookies that would be sent to u, all or those called name.
// A cookie may have been set for any of the paths and domains above u, and the
// jar does not tell for which; so it is deleted from each.
func (j *jar) remove(u *url.URL, name string) {
	for _, ck := range j.cookies(u) {
		if name != "" && ck.Name != name {
			continue
		}
		j.mu.Lock()
		if j.inner != nil {
			j.inner.SetCookies(u, expirations(u, ck.Name))
			j.changed = true
			if j.note {
				j.append(keptCookies{u, expirations(u, ck.Name)})
			}
		}
		j.mu.Unlock()
	}
}

// expirations returns cookies that delete those called name from u's host and
// the domains above it, for u's path and the paths above it.
func expirations(u *url.URL, name string) []*nethttp.Cookie {
	paths := []string{"/"}
	for i := 1; i < len(u.Path); i++ {
		if u.Path[i] == '/' {
			paths = append(paths, u.Path[:i], u.Path[:i+1])
		}
	}
	if u.Path != "" && u.Path != "/" {
		paths = append(paths, u.Path)
	}
	domains := []string{""}
	for d := u.Hostname(); strings.Contains(d, "."); {
		domains = append(domains, d)
		_, d, _ = strings.Cut(d, ".")
	}
	var out []*nethttp.Cookie
	for _, p := range paths {
		for _, d := range domains {
			out = append(out, &nethttp.Cookie{Name: name, Path: p, Domain: d, MaxAge: -1})
		}
	}
	return out
}

// cookieHeader returns the value of the Cookie header of a request to u: the
// script's own header, then the cookies of the params, then the jar's: of two
// with one name most servers take the first.
func cookieHeader(r *request, u *url.URL) string {
	fromJar := r.jar.cookies(u)
	if len(fromJar) == 0 && len(r.cookies) == 0 {
		return r.ownCookie
	}
	var b strings.Builder
	b.WriteString(r.ownCookie)
	add := func(name, value string) {
		s := (&nethttp.Cookie{Name: name, Value: value}).String()
		if s == "" {
			return
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(s)
	}
	for _, ck := range r.cookies {
		add(ck.name, ck.value)
	}
	for _, ck := range fromJar {
		if !replaced(r.cookies, ck.Name) {
			add(ck.Name, ck.Value)
		}
	}
	return b.String()
}

func replaced(cookies []requestCookie, name string) bool {
	for _, ck := range cookies {
		if ck.replace && ck.name == name {
			return true
		}
	}
	return false
}
