package wire

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// An empty message in a repeated field takes two bytes on the wire and a
// hundred in memory. maxParts bounds how many messages and strings one frame
// may hold, which is several times what an honest peer sends.
const (
	maxParts = 500_000
	maxDepth = 16
)

var errTooManyParts = fmt.Errorf("more than %d parts", maxParts)

// checkWeight counts the parts of an encoded message without decoding it.
func checkWeight(b []byte, d protoreflect.MessageDescriptor) error {
	parts := 0
	return weigh(b, d.Fields(), &parts, 0)
}

func weigh(b []byte, fields protoreflect.FieldDescriptors, parts *int, depth int) error {
	if depth > maxDepth {
		return errors.New("messages nested too deep")
	}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
				return protowire.ParseError(n)
			}
			b = b[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if *parts++; *parts > maxParts {
			return errTooManyParts
		}
		f := fields.ByNumber(number)
		if f == nil || f.Message() == nil {
			continue
		}
		if err := weigh(value, f.Message().Fields(), parts, depth+1); err != nil {
			return err
		}
	}
	return nil
}
