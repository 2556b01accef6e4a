package transport

// reset handles RST_STREAM.
func (m *mux) reset(code uint32) *Failure {
	st, fail := m.known()
	if st == nil || fail != nil {
		return fail
	}
	if st.ended {
		return nil // it wants no more of the request, with NO_ERROR as a rule
	}
	st.fail = h2Failure(codeH2Stream, code)
	st.refused = code == h2RefusedStream
	st.reset = true
	m.rouseReader(st)
	return nil
}

// goAway handles GOAWAY: streams above last have not been looked at.
func (m *mux) goAway(last, code uint32) {
	m.away, m.code = true, code
	for _, st := range m.active {
		if st.id > last && !st.over() {
			st.fail = h2Failure(codeH2GoAway, code)
			st.refused, st.reset = true, true
			m.rouseReader(st)
		}
	}
	for _, st := range m.waiting {
		m.rouseReader(st)
	}
}

func (m *mux) windowUpdate(n int64) *Failure {
	if m.frames.id == 0 {
		if m.send += n; n == 0 || m.send > maxWindow {
			return h2Failure(codeH2Conn, h2FlowControl)
		}
		m.rouseWriters()
		return nil
	}
	st, fail := m.known()
	if st == nil || fail != nil {
		return fail
	}
	if st.send += n; n == 0 || st.send > maxWindow {
		m.refuse(st, h2FlowControl, h2Failure(codeH2Stream, h2FlowControl))
		return nil
	}
	m.rouseWriters()
	return nil
}

// rouseWriters wakes those who wait for a window.
func (m *mux) rouseWriters() {
	for _, st := range m.active {
		if st.waits == forWindow {
			st.nudge()
		}
	}
}

// setting handles one of the server's settings.
func (m *mux) setting(id uint16, value uint32) *Failure {
	switch id {
	case settingTableSize:
		m.tableSize, m.resized = value, true
	case settingPush:
		if value != 0 {
			return h2Failure(codeH2Conn, h2Protocol)
		}
	case settingMaxStreams:
		m.maxStreams = int(min(value, maxWindow))
		for _, st := range m.waiting {
			m.rouseReader(st)
		}
	case settingWindow:
		if value > maxWindow {
			return h2Failure(codeH2Conn, h2FlowControl)
		}
		grown := int64(value) - m.sendEach
		m.sendEach = int64(value)
		for _, st := range m.active {
			if st.send += grown; st.send > maxWindow {
				return h2Failure(codeH2Conn, h2FlowControl)
			}
		}
		m.rouseWriters()
	case settingMaxFrame:
		if value < minFrame || value > 1<<24-1 {
			return h2Failure(codeH2Conn, h2Protocol)
		}
		m.maxFrame = int(value)
	}
	return nil
}
