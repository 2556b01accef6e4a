package transport

import (
	"errors"
	"io"
	"strconv"
)

// Codes of what goes wrong in HTTP/2, as k6 documents them: to each range the
// error code of HTTP/2 is added.
const (
	codeH2       = 1600
	codeH2GoAway = 1611 // the server ended the connection and said why
	codeH2Stream = 1631 // the server reset the stream
	codeH2Conn   = 1651 // the server broke the protocol
)

var (
	failNoH2 = &Failure{Code: codeH2, Text: "the server does not speak HTTP/2"}

	// Limits of ours, which have the code that we would tell the server.
	failH2Flood   = &Failure{Code: codeH2Conn + h2EnhanceYourCalm, Text: "more than " + strconv.Itoa(maxIdleFrames) + " HTTP/2 frames in a row that advance no response"}
	failH2Control = &Failure{Code: codeH2Conn + h2EnhanceYourCalm, Text: "more HTTP/2 frames to be answered than the server takes answers"}
	failH2Head    = &Failure{Code: codeH2Conn + h2EnhanceYourCalm, Text: "HTTP/2 response header without end"}

	h2Names = [...]string{
		"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
		"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
	}
)

// h2Failure returns the failure of a range for an error code; the peer chooses
// the code, so those that the RFC does not know are all one.
func h2Failure(first int, code uint32) *Failure {
	name := "an unknown error"
	if code < uint32(len(h2Names)) {
		name = h2Names[code]
		first += int(code)
	} else {
		first-- // the general code of the range
	}
	f := &Failure{Code: first}
	switch {
	case first < codeH2Stream-1:
		f.Text = "the server ended the HTTP/2 connection: " + name
	case first < codeH2Conn-1:
		f.Text = "the server reset the HTTP/2 stream: " + name
	default:
		f.Text = "the server broke HTTP/2: " + name
	}
	return f
}

// isEnd reports whether err is the orderly end of a connection.
func isEnd(err error) bool { return err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) }
