package sandbox

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestVLQRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfN(rapid.IntRange(-1<<30, 1<<30), 1, 5).Draw(t, "numbers")
		got, err := decodeVLQ(encodeVLQ(numbers))
		if err != nil || !slices.Equal(got, numbers) {
			t.Fatalf("%v became %v, %v", numbers, got, err)
		}
	})
}

func TestShiftColumns(t *testing.T) {
	for in, want := range map[string]string{
		"":                   "",
		";;":                 ";;",
		"AAAA":               "CAAC",
		"AAAA,EAAE;;AACA":    "CAAC,EAAE;;CACA",
		"A;A,CAAA,CAAA;EAAA": "C;C,CAAC,CAAA;GAAA",
		"AAAAA":              "CAACA",
	} {
		if got, err := shiftColumns(in); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"!", "AAA-", "g", ",A", "ggggggggggggggggA"} {
		if got, err := shiftColumns(in); err == nil {
			t.Errorf("%s: got %s", in, got)
		}
	}
}

func FuzzShiftColumns(f *testing.F) {
	f.Add("AAAA,EAAE;;AACA")
	f.Add("A;A,CAAA,CAAA;EAAA")
	f.Fuzz(func(t *testing.T, in string) {
		out, err := shiftColumns(in)
		if err != nil {
			return
		}
		if strings.Count(out, ";") != strings.Count(in, ";") || strings.Count(out, ",") != strings.Count(in, ",") {
			t.Fatalf("%q became %q", in, out)
		}
	})
}
