package http

import (
	"fmt"
	"slices"
	"testing"

	"github.com/dop251/goja"
	"pgregory.net/rapid"
)

// The shortcut to the names of properties must tell what goja tells, whatever
// was done to the object.
func TestKeysAreGojas(t *testing.T) {
	k := newKeyReader()
	if k.plain == nil {
		t.Fatal("there is no shortcut to the keys of plain objects with this goja")
	}
	rapid.Check(t, func(t *rapid.T) {
		rt := goja.New()
		o := rt.NewObject()
		if err := rt.Set("o", o); err != nil {
			t.Fatal(err)
		}
		key := rapid.SampledFrom([]string{"a", "b", "headers", "10", "2", "", "é", "日本", "__proto__", " ", "x-y", "𝒳", "0x"})
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			name := key.Draw(t, "key")
			code := rapid.SampledFrom([]string{
				`o[%q] = 1`, `delete o[%q]`, `Object.defineProperty(o, %q, {value: 1, enumerable: false, configurable: true})`,
				`Object.defineProperty(o, %q, {get() { return 1 }, configurable: true})`, `for (const k in o) { o[%q] = k; break }`,
				`Object.keys(o); o[%q] = 3`,
			}).Draw(t, "step")
			if _, err := rt.RunString(fmt.Sprintf(code, name)); err != nil {
				t.Fatal(err)
			}
			got := k.append([]string{"before"}, o)
			if want := append([]string{"before"}, o.GetOwnPropertyNames()...); !slices.Equal(got, want) {
				t.Fatalf("keys %q, want %q", got, want)
			}
		}
	})
	rt := goja.New()
	for _, code := range []string{
		`[1, 2]`, `new String('ab')`, `(function f() {})`, `new Proxy({a: 1}, {})`, `new Uint8Array(2)`, `new Error('x')`,
		`Object.create({a: 1}, {b: {value: 2}})`, `new (class { x = 1; y() {} })`, `Math`, `globalThis`, `Object.freeze({z: 1})`, `/x/`, `new Date(0)`,
	} {
		v, err := rt.RunString("(" + code + ")")
		if err != nil {
			t.Fatal(code, err)
		}
		o := v.(*goja.Object)
		if got, want := k.append(nil, o), o.GetOwnPropertyNames(); !slices.Equal(got, want) {
			t.Errorf("%s: keys %q, want %q", code, got, want)
		}
	}
	plain, _ := rt.RunString(`({headers: {}, tags: {}, timeout: 1})`)
	var store [8]string
	if n := testing.AllocsPerRun(100, func() { k.append(store[:0], plain.(*goja.Object)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	var none keyReader
	if got := none.append(nil, plain.(*goja.Object)); !slices.Equal(got, []string{"headers", "tags", "timeout"}) {
		t.Errorf("without the shortcut: %q", got)
	}
}
