package threshold

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ParseSelector reads what stands left of a condition in a script's
// thresholds: a metric's name, alone or followed by the tags its series must
// have, as in
//
//	http_req_duration
//	http_req_duration{name:pay,status:200}
//	http_req_duration{ name:"GET /a,b", url:http://host:80/{id} }
//
// A tag's key ends at its first colon, so values may hold colons and group
// paths ("group:::outer::inner"). A value ends at a comma unless it stands in
// single or double quotes, in which a backslash escapes a quote or a backslash.
// filter is nil when there are no braces.
func ParseSelector(src string) (name string, filter map[string]string, err error) {
	name, body, found := strings.Cut(src, "{")
	name = strings.TrimSpace(name)
	if name == "" {
		return "", nil, errors.New("expected the name of a metric")
	}
	if !found {
		if strings.Contains(name, "}") {
			return "", nil, errors.New("} without {")
		}
		return name, nil, nil
	}
	body = strings.TrimSpace(body)
	body, closed := strings.CutSuffix(body, "}")
	if !closed {
		return "", nil, errors.New("the tag filter is not closed: expected } at the end")
	}
	filter = map[string]string{}
	for rest, more := body, true; more; {
		var key, value string
		if key, value, rest, more, err = cutTag(rest); err != nil {
			return "", nil, err
		}
		if old, twice := filter[key]; twice && old != value {
			return "", nil, fmt.Errorf("the tag %s cannot be %s and %s", quote(key), quote(old), quote(value))
		}
		filter[key] = value
	}
	return name, filter, nil
}

// cutTag reads the first key:value of a filter; more says that another follows.
func cutTag(src string) (key, value, rest string, more bool, err error) {
	key, src, found := strings.Cut(src, ":")
	key = strings.TrimSpace(key)
	switch {
	case !found && key == "":
		return "", "", "", false, errors.New("expected tag:value in the tag filter, got nothing")
	case !found:
		return "", "", "", false, fmt.Errorf("expected tag:value in the tag filter, got %s (a value that holds a comma needs quotes)", quote(key))
	case key == "":
		return "", "", "", false, errors.New("expected the name of a tag before : in the tag filter")
	case strings.Contains(key, ","):
		return "", "", "", false, fmt.Errorf("expected tag:value in the tag filter, got %s (a value that holds a comma needs quotes)", quote(key))
	}
	src = strings.TrimLeft(src, " \t\r\n")
	if src == "" || src[0] != '"' && src[0] != '\'' {
		value, rest, more = strings.Cut(src, ",")
		return key, strings.TrimSpace(value), rest, more, nil
	}
	value, rest, closed := unquote(src)
	if !closed {
		return "", "", "", false, fmt.Errorf("the quoted value of the tag %s does not end", quote(key))
	}
	rest = strings.TrimLeft(rest, " \t\r\n")
	if rest == "" {
		return key, value, "", false, nil
	}
	if rest, more = strings.CutPrefix(rest, ","); !more {
		return "", "", "", false, fmt.Errorf("expected a comma after the value of the tag %s, got %s", quote(key), quote(rest))
	}
	return key, value, rest, true, nil
}

// unquote reads a quoted value from the start of src. A backslash before
// anything but a quote or a backslash stands for itself.
func unquote(src string) (value, rest string, closed bool) {
	mark := src[0]
	var b strings.Builder
	for i := 1; i < len(src); i++ {
		c := src[i]
		switch {
		case c == mark:
			return b.String(), src[i+1:], true
		case c == '\\' && i+1 < len(src) && strings.IndexByte(`"'\`, src[i+1]) >= 0:
			i++
			b.WriteByte(src[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// FormatSelector returns the canonical text of a selector: tags sorted by key,
// values quoted where they must be. ParseSelector reads it back.
func FormatSelector(name string, filter map[string]string) string {
	if len(filter) == 0 {
		return name
	}
	tags := make([]string, 0, len(filter))
	for _, key := range slices.Sorted(maps.Keys(filter)) {
		tags = append(tags, key+":"+quoteTag(filter[key]))
	}
	return name + "{" + strings.Join(tags, ",") + "}"
}

func quoteTag(value string) string {
	plain := value == strings.TrimSpace(value) && !strings.Contains(value, ",") &&
		!strings.HasPrefix(value, `"`) && !strings.HasPrefix(value, "'")
	if plain {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
