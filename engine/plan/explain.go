package plan

// Setting is one settled option.
type Setting struct {
	Path  string   // "scenarios.buy.vus"
	Value string   // JSON
	From  Position // where it was given; the zero Position: by nobody, it is the default
}

// Explain is Parse that also tells what each option came to, in the order of
// Plan.Options, and which layer it is from. Secrets are masked.
func Explain(options []byte, o Overrides, src Source) (*Plan, []Setting, error) {
	d, root, err := settle(options, o, src)
	if err != nil {
		return nil, nil, err
	}
	var all []Setting
	d.explain(d.plan.Masked().settled(), nil, root, &all)
	return &d.plan, all, nil
}

// explain adds the settings in n, which stands at path.
func (d *draft) explain(n node, path []string, root value, all *[]Setting) {
	if n.kind == object && len(n.fields) > 0 {
		for _, f := range n.fields {
			d.explain(f.value, append(path[:len(path):len(path)], f.key), root, all)
		}
		return
	}
	*all = append(*all, Setting{Path: pathString(path), Value: string(n.appendJSON(nil)), From: d.origin(path, root)})
}

// origin finds the layer whose value stands at path in the settled options.
func (d *draft) origin(path []string, root value) Position {
	if at, known := d.aliases[join(path)]; known {
		return at
	}
	v := root
	for _, key := range path {
		n, given := v.get(key)
		if !given || n.kind == null {
			return Position{}
		}
		v = v.child(key, n)
	}
	return v.at()
}
