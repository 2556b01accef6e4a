package fetch

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestHeaders(t *testing.T) {
	says(t, "", `
		const h = new Headers({'Content-Type': 'a/b', X: 1, y: null});
		h.append('x', ' 2\t'); h.append('Set-Cookie', 'a'); h.append('set-cookie', 'b'); h.set('Z', 'z'); h.delete('Y');
		say([...h].join(';'), [...h.keys()].join(), [...h.values()].join('|'), [...h.entries()].length);
		say(h.get('X'), h.get('set-cookie'), h.getSetCookie().length, h.get('y'), h.has('CONTENT-type'));
		h.set('x', '3'); say(h.get('x'));
		const seen = []; h.forEach(function (value, name, all) { seen.push(name + this.sep + value + (all === h)) }, {sep: '='}); say(seen.join());
		say(new Headers(h).get('z'), new Headers([['a', 'b'], new Set(['c', 'd'])]).get('c'), new Headers(new Map([['m', 1]])).get('m'), [...new Headers()].length, [...new Headers(undefined)].length);
		say(Object.fromEntries(h)['content-type'], String(h), h instanceof Headers, typeof h[Symbol.iterator], h[Symbol.iterator] === h.entries);
		class Mine extends Headers { auth(t) { this.set('authorization', 'Bearer ' + t); return this } }
		say(new Mine().auth(5).get('Authorization'), new Mine() instanceof Headers);
		const fixed = Response.error().headers;
		for (const f of [() => fixed.set('a', 'b'), () => fixed.append('a', 'b'), () => fixed.delete('a'), () => h.set('a b', 'c'), () => h.append('a', 'x\ny'), () => h.get(''), () => h.set('a', Symbol()), () => new Headers('x'), () => new Headers([['a', 'b', 'c']]), () => new Headers(['ab']), () => h.forEach(1), () => h.get.call({}, 'a')])
			try { f(); say('nothing') } catch (e) { say(e.name + ': ' + e.message) }
	`,
		"content-type,a/b;set-cookie,a;set-cookie,b;x,1, 2;z,z content-type,set-cookie,set-cookie,x,z a/b|a|b|1, 2|z 5",
		"1, 2 a, b 2 null true",
		"3",
		"content-type=a/btrue,set-cookie=atrue,set-cookie=btrue,x=3true,z=ztrue",
		"z d 1 0 0",
		"a/b [object Headers] true function true",
		"Bearer 5 true",
		"TypeError: Headers.set: these headers cannot be changed", "TypeError: Headers.append: these headers cannot be changed", "TypeError: Headers.delete: these headers cannot be changed",
		`TypeError: Headers.set: header name "a b" holds a character that names must not have`,
		"TypeError: Headers.append: the value of header a holds a line break or another control character",
		`TypeError: Headers.get: header name "" holds a character that names must not have`,
		"TypeError: Headers.set: the value of header a must be a string, got a symbol",
		`TypeError: Headers: headers must be an object, got "x"`,
		"TypeError: Headers: each header of a list must be a pair of name and value", "TypeError: Headers: each header of a list must be a pair of name and value",
		"TypeError: Headers.forEach: the callback must be a function, got 1",
		"TypeError: Headers.get was called on something that is not of the class Headers",
	)
}

// The list behaves as a map of lists does.
func TestHeadersAreAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, model := &headers{}, map[string][]string{}
		names := rapid.SampledFrom([]string{"a", "b", "c", "set-cookie"})
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			name, value := names.Draw(t, "name"), rapid.StringMatching(`[a-z]{0,3}`).Draw(t, "value")
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				h.list = append(h.list, header{name, value})
				model[name] = append(model[name], value)
			case 1:
				h.set(name, value)
				model[name] = []string{value}
			case 2:
				h.delete(name)
				delete(model, name)
			}
			copied := append([]header(nil), h.list...)
			last, lines := "", 0
			for _, line := range h.sorted() {
				if line.name < last {
					t.Fatalf("%s comes after %s", line.name, last)
				}
				last = line.name
				lines++
				if line.name != "set-cookie" && line.value != strings.Join(model[line.name], ", ") {
					t.Fatalf("%s is %q, want %q", line.name, line.value, model[line.name])
				}
			}
			want := 0
			for name, values := range model {
				if want++; name == "set-cookie" {
					want += len(values) - 1
				}
				if got, ok := h.get(name); !ok || got != strings.Join(values, ", ") {
					t.Fatalf("%s is %q, want %q", name, got, values)
				}
			}
			if lines != want {
				t.Fatalf("%d lines, want %d", lines, want)
			}
			for i := range copied {
				if copied[i] != h.list[i] {
					t.Fatal("looking at headers changed them")
				}
			}
		}
	})
}
