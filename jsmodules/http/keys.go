package http

import (
	"reflect"

	"github.com/dop251/goja"
)

// keyReader lists the own keys of plain objects without allocating.
//
// A script that makes its params anew for every request has three objects
// walked for each. What goja offers for it, GetOwnPropertyNames, allocates
// seven times per object, a third of all that such a request allocates. The
// names stand in a slice of the object, which package reflect may read; where a
// goja keeps them otherwise, or the object is not a plain one, there is no
// shortcut. Immutable.
type keyReader struct {
	plain reflect.Type // of plain objects
	self  int          // field of goja.Object that holds the implementation
	names int          // field of the implementation that holds the names
}

// newKeyReader looks where this goja keeps names. The zero keyReader knows no
// shortcut.
func newKeyReader() keyReader {
	self, ok := reflect.TypeFor[goja.Object]().FieldByName("self")
	if !ok || len(self.Index) != 1 || self.Type.Kind() != reflect.Interface {
		return keyReader{}
	}
	impl := reflect.ValueOf(goja.New().NewObject()).Elem().Field(self.Index[0]).Elem()
	if impl.Kind() != reflect.Pointer || impl.Type().Elem().Kind() != reflect.Struct {
		return keyReader{}
	}
	names, ok := impl.Type().Elem().FieldByName("propNames")
	if !ok || len(names.Index) != 1 || names.Type.Kind() != reflect.Slice || names.Type.Elem().Kind() != reflect.String {
		return keyReader{}
	}
	return keyReader{plain: impl.Type(), self: self.Index[0], names: names.Index[0]}
}

// append appends o's own keys to keys: those of Object.getOwnPropertyNames, in
// its order. That differs from Object.keys only for properties somebody took
// care to hide.
func (k keyReader) append(keys []string, o *goja.Object) []string {
	if k.plain == nil {
		return append(keys, o.GetOwnPropertyNames()...)
	}
	impl := reflect.ValueOf(o).Elem().Field(k.self).Elem()
	if impl.Type() != k.plain {
		return append(keys, o.GetOwnPropertyNames()...)
	}
	from := len(keys)
	names := impl.Elem().Field(k.names)
	for i := range names.Len() {
		name := names.Index(i).String()
		// Names outside ASCII are in another encoding, and those that look like
		// numbers may not be in order yet.
		if name == "" || name[0] >= 0x80 || digit(name[0]) {
			return append(keys[:from], o.GetOwnPropertyNames()...)
		}
		keys = append(keys, name)
	}
	return keys
}
