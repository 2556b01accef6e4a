package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// adaptMap makes a source map fit the text that goja gets and the way goja
// reads maps. The wrapper puts the code one line down. Source maps count
// columns from 0; goja asks with columns that count from 1 and takes the answer
// for one that does, so both sides of every mapping move right by one.
func adaptMap(text []byte) ([]byte, error) {
	if len(text) == 0 {
		return nil, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	var mappings string
	if err := json.Unmarshal(fields["mappings"], &mappings); err != nil {
		return nil, fmt.Errorf("mappings: %w", err)
	}
	mappings, err := shiftColumns(mappings)
	if err != nil {
		return nil, fmt.Errorf("mappings: %w", err)
	}
	// The texts are in the bundle already; goja's parser would copy them.
	delete(fields, "sourcesContent")
	fields["mappings"], _ = json.Marshal(";" + mappings) // a string marshals
	return json.Marshal(fields)
}

// shiftColumns adds one to the generated and to the original column of every
// mapping. Mappings are differences: generated columns to the one before on the
// line, original columns to the one before in the file. So it is enough to
// change the first of each line and the first of all.
func shiftColumns(mappings string) (string, error) {
	lines := strings.Split(mappings, ";")
	original := false // shifted
	for i, line := range lines {
		if line == "" {
			continue
		}
		segments := strings.Split(line, ",")
		for k, segment := range segments {
			if k > 0 && original {
				break
			}
			numbers, err := decodeVLQ(segment)
			if err != nil {
				return "", fmt.Errorf("line %d: %w", i+1, err)
			}
			if k == 0 {
				numbers[0]++
			}
			if len(numbers) >= 4 && !original {
				numbers[3]++
				original = true
			}
			segments[k] = encodeVLQ(numbers)
		}
		lines[i] = strings.Join(segments, ",")
	}
	return strings.Join(lines, ";"), nil
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

var errSegment = errors.New("a segment is malformed")

// decodeVLQ reads the numbers of one segment: base 64 digits, five bits each,
// lowest first, the sixth bit set on all but the last digit of a number, the
// lowest bit of a number its sign.
func decodeVLQ(segment string) ([]int, error) {
	var numbers []int
	n, shift := 0, 0
	for i := range len(segment) {
		digit := strings.IndexByte(base64Digits, segment[i])
		if digit < 0 || shift > 30 {
			return nil, errSegment
		}
		n |= digit & 31 << shift
		shift += 5
		if digit&32 == 0 {
			if n&1 != 0 {
				numbers = append(numbers, -(n >> 1))
			} else {
				numbers = append(numbers, n>>1)
			}
			n, shift = 0, 0
		}
	}
	if shift != 0 || len(numbers) == 0 {
		return nil, errSegment
	}
	return numbers, nil
}

// encodeVLQ is the inverse of decodeVLQ.
func encodeVLQ(numbers []int) string {
	var b strings.Builder
	for _, n := range numbers {
		u := n << 1
		if n < 0 {
			u = -n<<1 | 1
		}
		for {
			digit := u & 31
			u >>= 5
			if u > 0 {
				digit |= 32
			}
			b.WriteByte(base64Digits[digit])
			if u == 0 {
				break
			}
		}
	}
	return b.String()
}
