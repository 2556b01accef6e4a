// Package wire is what a coordinator and its runners say to each other: the
// messages (wire.proto), how they are framed ([Conn]), how two builds agree on
// a version ([Negotiate]) and how numbers are counted exactly once although a
// connection may lose, repeat or reorder them ([Sender], [Receiver]).
//
// A coordinator does not trust its runners. Whatever a peer sends costs memory
// in proportion to the bytes it really sent, and what is out of range is an
// error, never a panic.
package wire

//go:generate sh -c "protoc --plugin=protoc-gen-go=$(go tool -n protoc-gen-go) --go_out=. --go_opt=paths=source_relative wire.proto"
