package main

import (
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// scriptEnv collects what the script sees as __ENV: nothing but what was asked
// for. Of one name, --env-file yields to --pass-env and that to -e.
type scriptEnv struct {
	pairs pairsFlag
	files []string
	pass  []string
}

func (s *scriptEnv) register(f *pflag.FlagSet) {
	f.VarP(&s.pairs, "env", "e", "a value of __ENV; repeat for more")
	f.StringArrayVar(&s.files, "env-file", nil, "`file` with a NAME=value of __ENV on each line")
	f.StringArrayVar(&s.pass, "pass-env", nil, "`name` of an environment variable to pass into __ENV; no other is")
	withoutVariable(f, "env", "env-file", "pass-env")
}

func (s *scriptEnv) values(lookup func(string) (string, bool)) (map[string]string, error) {
	all := map[string]string{}
	for _, file := range s.files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, &usageError{message: fmt.Sprintf("--env-file: %s", err)}
		}
		if err := readEnvFile(all, file, string(text)); err != nil {
			return nil, err
		}
	}
	for _, name := range s.pass {
		value, ok := lookup(name)
		if !ok {
			return nil, &usageError{message: fmt.Sprintf("--pass-env: %s is not set", name), hint: "set it, or give a value with -e " + name + "=…"}
		}
		all[name] = value
	}
	maps.Copy(all, s.pairs.pairs)
	return all, nil
}

// readEnvFile adds the NAME=value lines of text to all. Empty lines and those
// that begin with # are passed over; a value may stand in quotes.
func readEnvFile(all map[string]string, file, text string) error {
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || strings.ContainsAny(name, " \t\"'") {
			return &usageError{message: fmt.Sprintf("%s:%d: must be NAME=value", file, number)}
		}
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		all[name] = value
	}
	return nil
}
