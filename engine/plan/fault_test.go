package plan

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestCheck: what the checker finds has the place of the option it names, or of
// what holds it, and shows no line with a secret.
func TestCheck(t *testing.T) {
	places := map[string]int{"tlsAuth": 1, "tlsAuth.0": 2, "tlsAuth.0.key": 3, "tlsCACerts": 4, "rps": 5}
	src := Source{Exports: []string{"default"}, Locate: func(path []string) Position {
		if line, known := places[strings.Join(path, ".")]; known {
			return Position{File: "a.js", Line: line, Column: 1}
		}
		return Position{}
	}}
	cert, key := quoteJSON(block("CERTIFICATE")), quoteJSON(block("EC PRIVATE KEY"))
	options := `{"rps":1,"tlsCACerts":` + cert + `,"tlsAuth":[{"cert":` + cert + `,"key":` + key + `}]}`
	for _, tc := range []struct {
		fault  error
		want   string
		secret bool
	}{
		{&Fault{Path: []string{"tlsAuth", "0", "key"}, Message: "is another", Hint: "look"}, "a.js:3:1: tlsAuth[0].key: is another (look)", true},
		{&Fault{Path: []string{"tlsAuth", "0", "password"}, Message: "is missing"}, "a.js:2:1: tlsAuth[0].password: is missing", true},
		{&Fault{Path: []string{"tlsCACerts", "0"}, Message: "100% wrong"}, "a.js:4:1: tlsCACerts[0]: 100% wrong", false},
		{fmt.Errorf("http: %w", &Fault{Path: []string{"rps"}, Message: "no"}), "a.js:5:1: rps: no", false},
		{&Fault{Path: []string{"userAgent"}, Message: "no"}, "userAgent: no", false},
		{errors.New("no"), "no", false},
	} {
		src.Check = func(*Plan) error { return tc.fault }
		_, err := Parse([]byte(options), Overrides{}, src)
		var problems Problems
		if !errors.As(err, &problems) || len(problems) != 1 {
			t.Errorf("%v: got %v", tc.fault, err)
			continue
		}
		if got := problems[0]; got.String() != tc.want || got.Secret != tc.secret {
			t.Errorf("%v: got %q, secret %t", tc.fault, got, got.Secret)
		}
	}
	asked := false
	src.Check = func(*Plan) error { asked = true; return nil }
	if _, err := Parse([]byte(`{"rps":-1}`), Overrides{}, src); err == nil || asked {
		t.Errorf("a wrong plan: %v, asked %t", err, asked)
	}
	if _, err := Parse([]byte(options), Overrides{}, src); err != nil || !asked {
		t.Errorf("a right plan: %v, asked %t", err, asked)
	}
}

func TestFaultWithin(t *testing.T) {
	f := &Fault{Path: []string{"key"}, Message: "is none", Hint: "look"}
	if got := f.Within("tlsAuth", "1").Error(); got != "tlsAuth[1].key: is none (look)" {
		t.Error(got)
	}
	if got := (&Fault{Message: "no"}).Error(); got != "no" {
		t.Error(got)
	}
}
