package result

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/summary"
)

// schemaFolder holds the documented schemas.
const schemaFolder = "../../docs/schema"

// documented returns the compiled schema of that name and its text.
func documented(t *testing.T, name string) (*jsonschema.Schema, map[string]any) {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.AssertContent()
	var text map[string]any
	for _, file := range []string{"summary-1.json", "result-1.json"} {
		data, err := os.ReadFile(filepath.Join(schemaFolder, file))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		id := doc.(map[string]any)["$id"].(string)
		if err := compiler.AddResource(id, doc); err != nil {
			t.Fatal(err)
		}
		if file == name {
			text = doc.(map[string]any)
		}
	}
	schema, err := compiler.Compile(text["$id"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return schema, text
}

func decode(t *testing.T, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
	return v
}

func TestSummaryFollowsItsSchema(t *testing.T) {
	schema, text := documented(t, "summary-1.json")
	for name, s := range map[string]*summary.Summary{
		"a run":     shop(t, 30).Summary,
		"no run":    summary.Build(summary.Input{Plan: &plan.Plan{}, Started: day(1), Set: shopSet()}),
		"all there": full(),
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := summary.WriteJSON(&b, s); err != nil {
				t.Fatal(err)
			}
			v := decode(t, b.Bytes())
			if err := schema.Validate(v); err != nil {
				t.Errorf("%v", err)
			}
			for _, path := range undocumented(text, text, v, "") {
				t.Errorf("%s is not in the schema", path)
			}
			// The schema has to be able to say no.
			v.(map[string]any)["passed"] = "yes"
			if schema.Validate(v) == nil {
				t.Error("a summary that passed \"yes\" is valid")
			}
		})
	}
}

func TestResultFollowsItsSchema(t *testing.T) {
	schema, text := documented(t, "result-1.json")
	for name, r := range map[string]*Result{
		"a run":       shop(t, 30),
		"no timeline": {ID: "abcd", Plan: &plan.Plan{}, Summary: full(), Started: time.Now()},
	} {
		t.Run(name, func(t *testing.T) {
			plain := plainText(t, r)
			v := decode(t, plain)
			if err := schema.Validate(v); err != nil {
				t.Errorf("%v", err)
			}
			for key := range v.(map[string]any) {
				if _, known := text["properties"].(map[string]any)[key]; !known {
					t.Errorf("%s is not in the schema", key)
				}
			}
			var head struct{ Timeline *string }
			if err := json.Unmarshal(plain, &head); err != nil || (head.Timeline == nil) != (r.Timeline == nil) {
				t.Errorf("timeline is %v, %v", head.Timeline, err)
			}
		})
	}
}

// undocumented returns the paths in v that a schema does not name.
func undocumented(root, schema map[string]any, v any, path string) (paths []string) {
	for {
		ref, ok := schema["$ref"].(string)
		if !ok {
			break
		}
		schema = root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	switch v := v.(type) {
	case map[string]any:
		if _, open := schema["additionalProperties"]; open {
			return nil
		}
		properties, _ := schema["properties"].(map[string]any)
		for key, value := range v {
			sub, known := properties[key].(map[string]any)
			if !known {
				paths = append(paths, path+"."+key)
				continue
			}
			paths = append(paths, undocumented(root, sub, value, path+"."+key)...)
		}
	case []any:
		items, _ := schema["items"].(map[string]any)
		for i, value := range v {
			paths = append(paths, undocumented(root, items, value, fmt.Sprintf("%s[%d]", path, i))...)
		}
	}
	return paths
}
