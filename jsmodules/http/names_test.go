package http

import (
	"fmt"
	nethttp "net/http"
	"strings"
	"sync"
	"testing"

	"github.com/swarmload/swarm/sandbox"
	"pgregory.net/rapid"
)

func TestGrouped(t *testing.T) {
	for url, want := range map[string]string{
		"http://h/users/123":                              "http://h/users/{id}",
		"http://h:8080/users/123/orders/7":                "http://h:8080/users/{id}/orders/{id}",
		"http://h/users/123/":                             "http://h/users/{id}/",
		"http://h/users/-5":                               "http://h/users/{id}",
		"http://h/at/52.52,13.40":                         "http://h/at/{id}",
		"http://h/u/6ba7b810-9dad-11d1-80b4-00c04fd430c8": "http://h/u/{id}",
		"http://h/o/507f1f77bcf86cd799439011":             "http://h/o/{id}",
		"http://h/o/a1b2c3d4":                             "http://h/o/{id}",
		"http://h/o/01ARZ3NDEKTSV4RRFFQ69G5FAV":           "http://h/o/{id}",
		"http://h/o/dGhpcyBpcyBhIHRlc3Q1":                 "http://h/o/{id}",
		"http://h/o/dGhpcyBpcyBhIHRlc3Q1%3D":              "http://h/o/{id}",
		"http://h/by/a.b@example.com/posts":               "http://h/by/{id}/posts",
		"http://h/by/a.b%40example.com":                   "http://h/by/{id}",
		"http://h/day/2024-05-06":                         "http://h/day/{id}",
		"http://h/day/2024-05-06T07:08:09Z":               "http://h/day/{id}",
		"http://h/img/123.png":                            "http://h/img/{id}.png",
		"http://h/crocodiles/7.json?x=1":                  "http://h/crocodiles/{id}.json",
		"http://h/search?q=cats":                          "http://h/search",
		"http://h?q=1":                                    "http://h",
		"http://h/#top":                                   "http://h/",
		"http://h/a;jsessionid=12345":                     "http://h/a",
		"http://h/" + strings.Repeat("x", 101):            "http://h/{id}",
		"http://10.0.0.1/1":                               "http://10.0.0.1/{id}",
		// These are words.
		"http://h/users/me":             "http://h/users/me",
		"http://h/api/v1/users":         "http://h/api/v1/users",
		"http://h/facade/decade/added":  "http://h/facade/decade/added",
		"http://h/oauth2/token":         "http://h/oauth2/token",
		"http://h/app.bundle.js":        "http://h/app.bundle.js",
		"http://h/a-long-slug-of-words": "http://h/a-long-slug-of-words",
		"http://h/@me":                  "http://h/@me",
		"http://h//x//":                 "http://h//x//",
		"http://h/{id}/{id}.json":       "http://h/{id}/{id}.json",
		"http://h":                      "http://h",
		"http://127.0.0.1:8080":         "http://127.0.0.1:8080",
		"":                              "",
		"://":                           "://",
		"/":                             "/",
	} {
		if got := grouped(url); got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
}

func checkGrouped(t interface{ Fatalf(string, ...any) }, url string) {
	got := grouped(url)
	if again := grouped(got); again != got {
		t.Fatalf("%q gives %q, and that %q", url, got, again)
	}
	if len(got) > 4*len(url) {
		t.Fatalf("%q grows to %q", url, got)
	}
	if strings.Contains(url, "://") && strings.ContainsAny(got[strings.Index(got, "://")+3:], "?#") {
		t.Fatalf("%q gives %q with a query", url, got)
	}
}

func TestGroupedProperties(t *testing.T) {
	segment := rapid.OneOf(
		rapid.StringMatching(`[a-z]{1,12}`), rapid.StringMatching(`-?[0-9]{1,12}`), rapid.StringMatching(`[0-9a-f]{4,40}`),
		rapid.StringMatching(`[A-Za-z0-9_=-]{1,120}`), rapid.StringMatching(`[a-z0-9.]{1,9}(@|%40)[a-z.]{0,9}`),
		rapid.StringMatching(`[0-9T:.-]{1,20}Z?`), rapid.StringMatching(`[0-9]{1,4}\.[a-z0-9]{1,6}`), rapid.StringMatching(`[a-z;=%0-9]{0,12}`), rapid.String(),
	)
	rapid.Check(t, func(t *rapid.T) {
		url := rapid.SampledFrom([]string{"http://h", "https://h:1", "", "://", "h"}).Draw(t, "origin")
		for _, s := range rapid.SliceOfN(segment, 0, 6).Draw(t, "segments") {
			url += "/" + s
		}
		url += rapid.SampledFrom([]string{"", "/", "?", "?a=1/2", "#x", "?a#b"}).Draw(t, "end")
		checkGrouped(t, url)
	})
}

func FuzzGrouped(f *testing.F) {
	for _, s := range []string{"http://h/users/1?x=1", "http://h/%40/%4", "/;/;;", "http://h/1.2.3/a@b.c", "https://[::1]:8/2024-01-01T00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, url string) { checkGrouped(t, url) })
}

// However names explode, from however many VUs at once: the first of each
// template stay, one name follows, the user hears of it once.
func TestNamesExplode(t *testing.T) {
	var mu sync.Mutex
	var notes []string
	host := &sandbox.Host{Log: func(l sandbox.LogLine) {
		mu.Lock()
		defer mu.Unlock()
		notes = append(notes, l.Text)
	}}
	var n names
	seen := sync.Map{}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 500 {
				for _, url := range []string{fmt.Sprintf("http://h/users/%d", i), fmt.Sprintf("http://h/search?q=%d", (i*7+g)%500), "http://h/fixed"} {
					label := n.label(host, url)
					if label != url && label != grouped(url) {
						t.Errorf("%s is called %s", url, label)
					}
					if again := n.label(host, url); label == url && again != url {
						t.Errorf("%s was called so once and %s now", url, again)
					}
					seen.Store(label, true)
				}
			}
		})
	}
	wg.Wait()
	labels := 0
	seen.Range(func(any, any) bool { labels++; return true })
	if want := 2*(maxNamesEach+1) + 1; labels != want {
		t.Errorf("%d names, want %d", labels, want)
	}
	if len(notes) != 2 {
		t.Errorf("notes: %q", notes)
	}
}

// Templates that never end are bounded too.
func TestTemplatesExplode(t *testing.T) {
	told := 0
	host := &sandbox.Host{Log: func(sandbox.LogLine) { told++ }}
	var n names
	for i := range 3 * maxTemplates {
		word := strings.Map(func(r rune) rune { return 'a' + (r - '0') }, fmt.Sprint(i))
		for id := range 25 {
			n.label(host, fmt.Sprintf("http://h/%s/%d", word, id))
		}
		if got, want := n.label(host, fmt.Sprintf("http://h/%s/9999", word)), fmt.Sprintf("http://h/%s/{id}", word); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	if n.watched.Load() != maxTemplates || told != maxNameNotes {
		t.Errorf("%d templates, told %d times", n.watched.Load(), told)
	}
}

// Totals stay exact, the url tag follows the name, and what the script named
// itself is left alone.
func TestAutomaticNames(t *testing.T) {
	served := 0
	var mu sync.Mutex
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		mu.Lock()
		defer mu.Unlock()
		served++
	})
	const each = 60
	w := newWorld(t, newPlan(), "", fmt.Sprintf(`
		const base = %q;
		for (let i = 0; i < %d; i++) {
			const r = http.get(base + "/users/" + i + "?page=" + i);
			if (r.url !== base + "/users/" + i + "?page=" + i) throw r.url;
			http.get(base + "/tagged/" + i, {tags: {name: "tagged"}});
			http.get(http.url`+"`${base}/template/${i}`"+`);
		}
		http.batch(Array.from({length: %d}, (_, i) => base + "/batch/" + i));`, url, each, each))
	w.run()
	if got := w.value("http_reqs").Sum; got != 4*each || served != 4*each {
		t.Errorf("%v requests were counted, %d served, want %d", got, served, 4*each)
	}
	for name, want := range map[string]float64{
		"/users/{id}": each - maxNamesEach, "/users/3?page=3": 1, "/batch/{id}": each - maxNamesEach,
	} {
		if got := w.value("http_reqs", "name", url+name, "url", url+name).Sum; got != want {
			t.Errorf("%s: %v requests, want %v", name, got, want)
		}
	}
	if got := w.value("http_reqs", "name", "tagged").Sum; got != each {
		t.Errorf("tagged: %v", got)
	}
	if got := w.value("http_reqs", "name", "${}/template/${}").Sum; got != each {
		t.Errorf("template: %v", got)
	}
	names := map[string]bool{}
	for tags := range w.set.Series("http_reqs") {
		name, _ := tags.Get("name")
		names[name] = true
	}
	if want := 2*(maxNamesEach+1) + 2; len(names) != want {
		t.Errorf("%d names, want %d", len(names), want)
	}
	notes := 0
	for _, line := range w.logged() {
		if strings.Contains(line, "were grouped as "+url+"/users/{id}") || strings.Contains(line, "were grouped as "+url+"/batch/{id}") {
			notes++
		}
	}
	if notes != 2 || len(w.logged()) != 2 {
		t.Errorf("logged %q", w.logged())
	}
}

func BenchmarkGrouped(b *testing.B) {
	for name, url := range map[string]string{
		"words": "http://example.com/api/v1/users", "id": "http://example.com/api/v1/users/12345?page=2",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				grouped(url)
			}
		})
	}
}
