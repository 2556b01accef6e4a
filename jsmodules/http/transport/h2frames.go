package transport

import "encoding/binary"

// Frames of HTTP/2 (RFC 9113, 6). They are taken apart here and not by the
// Framer of x/net/http2, whose state is lost when a deadline passes in the
// middle of a frame and who keeps the largest frame's buffer for good.
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	framePriority     = 0x2
	frameReset        = 0x3
	frameSettings     = 0x4
	framePush         = 0x5
	framePing         = 0x6
	frameGoAway       = 0x7
	frameWindowUpdate = 0x8
	frameContinuation = 0x9

	flagAck        = 0x1
	flagEndStream  = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20

	settingTableSize     = 0x1
	settingPush          = 0x2
	settingMaxStreams    = 0x3
	settingWindow        = 0x4
	settingMaxFrame      = 0x5
	settingMaxHeaderList = 0x6
)

// Error codes of HTTP/2 (RFC 9113, 7).
const (
	h2NoError          = 0x0
	h2Protocol         = 0x1
	h2Internal         = 0x2
	h2FlowControl      = 0x3
	h2StreamClosed     = 0x5
	h2FrameSize        = 0x6
	h2RefusedStream    = 0x7
	h2Cancel           = 0x8
	h2Compression      = 0x9
	h2EnhanceYourCalm  = 0xb
	h2HTTP11Required   = 0xd
	h2UnspecifiedError = 0xff // no code of the RFC; for texts
)

const h2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

const (
	frameHead     = 9       // bytes of a frame before its payload
	minFrame      = 1 << 14 // bytes of payload everybody takes; more are not asked for
	windowAtFirst = 1<<16 - 1
	maxWindow     = 1<<31 - 1
)

// appendFrame appends the head of a frame with n bytes of payload.
func appendFrame(b []byte, n int, kind, flags byte, id uint32) []byte {
	b = append(b, byte(n>>16), byte(n>>8), byte(n), kind, flags)
	return binary.BigEndian.AppendUint32(b, id)
}

func appendSetting(b []byte, id uint16, value uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, id), value)
}

func appendReset(b []byte, id, code uint32) []byte {
	return binary.BigEndian.AppendUint32(appendFrame(b, 4, frameReset, 0, id), code)
}

func appendWindowUpdate(b []byte, id uint32, n int64) []byte {
	return binary.BigEndian.AppendUint32(appendFrame(b, 4, frameWindowUpdate, 0, id), uint32(n))
}

// appendPreface appends what a client begins a connection with. Pushing is
// refused, and streams may send streamWindow bytes ahead of their readers.
func appendPreface(b []byte) []byte {
	b = append(b, h2Preface...)
	b = appendFrame(b, 3*6, frameSettings, 0, 0)
	b = appendSetting(b, settingPush, 0)
	b = appendSetting(b, settingWindow, streamWindow)
	b = appendSetting(b, settingMaxHeaderList, maxHead)
	return appendWindowUpdate(b, 0, connWindow-windowAtFirst)
}
