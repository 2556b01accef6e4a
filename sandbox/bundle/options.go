package bundle

import (
	"strconv"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/parser"
	"github.com/dop251/goja/token"
	"github.com/dop251/goja/unistring"
)

// optionsTree is the parsed text of a bundle, to find where options are.
type optionsTree struct {
	file  *file.File
	base  int
	root  ast.Expression // the value of the exported options
	names map[unistring.String]ast.Expression
}

// parseOptions finds the exported options in a bundle's code; nil when there
// are none to be found.
func parseOptions(code []byte) (t *optionsTree) {
	defer func() {
		if recover() != nil { // the parser is not ours, the text is not either
			t = nil
		}
	}()
	program, err := parser.ParseFile(nil, "", string(code), 0, parser.WithDisableSourceMaps)
	if err != nil {
		return nil
	}
	t = &optionsTree{file: program.File, base: program.File.Base(), names: map[unistring.String]ast.Expression{}}
	for _, s := range program.Body {
		if e, ok := s.(*ast.ExpressionStatement); ok {
			if a, ok := e.Expression.(*ast.AssignExpression); ok {
				if c, ok := a.Right.(*ast.CallExpression); ok {
					if f, ok := c.Callee.(*ast.FunctionLiteral); ok {
						t.read(f.Body.List, 0)
					}
				}
			}
		}
	}
	if t.root == nil {
		return nil
	}
	return t
}

// read notes the variables of a module, and where its options are.
func (t *optionsTree) read(list []ast.Statement, depth int) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.VariableStatement:
			t.bind(s.List, depth)
		case *ast.LexicalDeclaration:
			t.bind(s.List, depth)
		case *ast.ReturnStatement:
			if exports, ok := s.Argument.(*ast.ObjectLiteral); ok {
				if value, _ := t.member(exports, "options", 0); value != nil {
					t.root = value
				}
			}
		case *ast.ExpressionStatement:
			if a, ok := s.Expression.(*ast.AssignExpression); ok && a.Operator == token.ASSIGN {
				t.assigned(a)
			}
		}
	}
}

func (t *optionsTree) bind(list []*ast.Binding, depth int) {
	for _, b := range list {
		id, ok := b.Target.(*ast.Identifier)
		if !ok || b.Initializer == nil {
			continue
		}
		if _, twice := t.names[id.Name]; !twice {
			t.names[id.Name] = b.Initializer
		}
		// A CommonJS module: var require_x = __commonJS({ "path"(exports, module) { … } }).
		if c, ok := b.Initializer.(*ast.CallExpression); ok && depth == 0 && len(c.ArgumentList) == 1 {
			if o, ok := c.ArgumentList[0].(*ast.ObjectLiteral); ok && len(o.Value) == 1 {
				if p, ok := o.Value[0].(*ast.PropertyKeyed); ok && p.Kind == ast.PropertyKindMethod {
					if f, ok := p.Value.(*ast.FunctionLiteral); ok {
						t.read(f.Body.List, depth+1)
					}
				}
			}
		}
	}
}

// assigned sees exports.options = … and module.exports = { options: … }.
func (t *optionsTree) assigned(a *ast.AssignExpression) {
	left, ok := a.Left.(*ast.DotExpression)
	if !ok {
		return
	}
	switch left.Identifier.Name {
	case "options":
		t.root = a.Right
	case "exports":
		if o, ok := a.Right.(*ast.ObjectLiteral); ok {
			if value, _ := t.member(o, "options", 0); value != nil {
				t.root = value
			}
		}
	}
}

// find returns the line and column in the code of what stands at path.
func (t *optionsTree) find(path []string) (line, column int) {
	if t == nil {
		return 0, 0
	}
	value, at := t.root, t.value(t.root, 0)
	if at == nil {
		return 0, 0
	}
	idx := at.Idx0()
	for _, key := range path {
		switch v := t.value(value, 0).(type) {
		case *ast.ObjectLiteral:
			value, idx = t.member(v, key, 0)
		case *ast.ArrayLiteral:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(v.Value) || v.Value[i] == nil {
				return 0, 0
			}
			value, idx = v.Value[i], v.Value[i].Idx0()
		default:
			return 0, 0
		}
		if value == nil {
			return 0, 0
		}
	}
	p := t.file.Position(int(idx) - t.base)
	return p.Line, p.Column
}

// value follows names of variables to what they were declared as.
func (t *optionsTree) value(e ast.Expression, depth int) ast.Expression {
	if id, ok := e.(*ast.Identifier); ok && depth < 20 {
		return t.value(t.names[id.Name], depth+1)
	}
	return e
}

// member finds a key of an object literal: the last one wins. What a spread
// adds counts where it can be seen.
func (t *optionsTree) member(o *ast.ObjectLiteral, key string, depth int) (ast.Expression, file.Idx) {
	if depth > 20 {
		return nil, 0
	}
	for i := len(o.Value) - 1; i >= 0; i-- {
		switch p := o.Value[i].(type) {
		case *ast.PropertyKeyed:
			if !p.Computed && p.Kind == ast.PropertyKindValue && literalKey(p.Key) == key {
				return p.Value, p.Key.Idx0()
			}
		case *ast.PropertyShort:
			if p.Name.Name.String() == key {
				return &p.Name, p.Name.Idx
			}
		case *ast.SpreadElement:
			if spread, ok := t.value(p.Expression, 0).(*ast.ObjectLiteral); ok {
				if value, idx := t.member(spread, key, depth+1); value != nil {
					return value, idx
				}
			}
		}
	}
	return nil, 0
}

func literalKey(e ast.Expression) string {
	switch k := e.(type) {
	case *ast.StringLiteral:
		return k.Value.String()
	case *ast.NumberLiteral:
		return k.Literal
	case *ast.Identifier:
		return k.Name.String()
	}
	return "\x00"
}
