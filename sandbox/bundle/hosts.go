package bundle

import (
	"encoding/json"
	"path"
	"regexp"
	"strings"
)

// hosts are the modules that the runtime provides, by each of their names.
type hosts struct {
	byName map[string]*hostModule
	names  []string
	urls   []string // those names that are addresses, with * for any version
}

type hostModule struct{ HostModule }

func newHosts(modules []HostModule) *hosts {
	h := &hosts{byName: map[string]*hostModule{}}
	for _, m := range modules {
		host := &hostModule{m}
		for _, name := range m.Names {
			if h.byName[name] == nil {
				h.byName[name] = host
				h.names = append(h.names, name)
				if strings.Contains(name, "://") {
					h.urls = append(h.urls, name)
				}
			}
		}
	}
	return h
}

// find returns the module of that name, nil when there is none. A module may
// stand for an address that scripts import it from elsewhere.
func (h *hosts) find(name string) *hostModule {
	if m := h.byName[name]; m != nil || !strings.Contains(name, "://") {
		return m
	}
	for _, pattern := range h.urls {
		if ok, _ := path.Match(pattern, name); ok {
			return h.byName[pattern]
		}
	}
	return nil
}

// allowed is the hint that lists what may be imported.
func (h *hosts) allowed() string {
	if len(h.names) == 0 {
		return "allowed are relative files"
	}
	return "allowed are " + strings.Join(h.names, ", ")
}

var (
	identifier = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*$`)
	unsafe     = regexp.MustCompile(`[^A-Za-z0-9_$]+`)
)

// source is an ES module that stands for the host module. The bundler pulls
// its constants into the one scope of the bundle: a named import becomes a
// plain variable, read without a property look-up at call time, and the
// default import becomes the module object. A property read is nothing a
// bundler may drop, as it could be a getter with an effect; inside a function
// marked pure it may, so exports nobody imports cost nothing.
func (m *hostModule) source() string {
	object := unsafe.ReplaceAllString(strings.NewReplacer("/", "_").Replace(m.Names[0]), "_") + "_module"
	name, _ := json.Marshal(m.Names[0])
	var b, list strings.Builder
	b.WriteString("const " + object + " = require(" + string(name) + ");\n")
	hasDefault := m.HasDefault
	for _, e := range m.Exports {
		if e == "default" || !identifier.MatchString(e) {
			continue
		}
		local := e
		if reserved[e] || e == object {
			local += "_"
		}
		b.WriteString("const " + local + " = /* @__PURE__ */ (() => " + object + "." + e + ")();\n")
		list.WriteString(local + " as " + e + ", ")
	}
	if hasDefault {
		b.WriteString("const default_ = /* @__PURE__ */ (() => " + object + ".default)();\n")
		list.WriteString("default_ as default")
	} else {
		list.WriteString(object + " as default")
	}
	b.WriteString("export { " + list.String() + " };\n")
	return b.String()
}

// reserved are the words that cannot name a variable of a module.
var reserved = map[string]bool{
	"arguments": true, "await": true, "break": true, "case": true, "catch": true, "class": true, "const": true,
	"continue": true, "debugger": true, "default": true, "delete": true, "do": true, "else": true, "enum": true,
	"eval": true, "export": true, "extends": true, "false": true, "finally": true, "for": true, "function": true,
	"if": true, "implements": true, "import": true, "in": true, "instanceof": true, "interface": true, "let": true,
	"new": true, "null": true, "package": true, "private": true, "protected": true, "public": true, "require": true,
	"return": true, "static": true, "super": true, "switch": true, "this": true, "throw": true, "true": true,
	"try": true, "typeof": true, "var": true, "void": true, "while": true, "with": true, "yield": true,
}
