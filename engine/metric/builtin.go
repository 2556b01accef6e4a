package metric

// Names of the metrics every run emits. They are k6's, so that dashboards and
// thresholds carry over, except where a comment says otherwise.
const (
	VUs               = "vus"
	VUsMax            = "vus_max"
	Iterations        = "iterations"
	IterationDuration = "iteration_duration"
	DroppedIterations = "dropped_iterations"
	GroupDuration     = "group_duration"
	Checks            = "checks"
	DataSent          = "data_sent"
	DataReceived      = "data_received"
	ScriptErrors      = "script_errors"

	HTTPReqs              = "http_reqs"
	HTTPReqDuration       = "http_req_duration"
	HTTPReqBlocked        = "http_req_blocked"
	HTTPReqConnecting     = "http_req_connecting"
	HTTPReqTLSHandshaking = "http_req_tls_handshaking"
	HTTPReqSending        = "http_req_sending"
	HTTPReqWaiting        = "http_req_waiting"
	HTTPReqReceiving      = "http_req_receiving"
	HTTPReqFailed         = "http_req_failed"
	// HTTPReqRetries is ours: requests that were sent a second time because
	// their connection was closed before an answer came. Each is one of
	// http_reqs, but the target may have received it twice.
	HTTPReqRetries = "http_req_retries"
)

// Builtin lists the metrics that exist in every run, whether or not the script
// causes a sample. NewRegistry defines them; thresholds may name them.
func Builtin() []Metric {
	return []Metric{
		{VUs, Gauge, Plain},
		{VUsMax, Gauge, Plain},
		{Iterations, Counter, Plain},
		{IterationDuration, Trend, Time},
		{DroppedIterations, Counter, Plain},
		{GroupDuration, Trend, Time},
		{Checks, Rate, Plain},
		{DataSent, Counter, Data},
		{DataReceived, Counter, Data},
		{ScriptErrors, Counter, Plain},
		{HTTPReqs, Counter, Plain},
		{HTTPReqDuration, Trend, Time},
		{HTTPReqBlocked, Trend, Time},
		{HTTPReqConnecting, Trend, Time},
		{HTTPReqTLSHandshaking, Trend, Time},
		{HTTPReqSending, Trend, Time},
		{HTTPReqWaiting, Trend, Time},
		{HTTPReqReceiving, Trend, Time},
		{HTTPReqFailed, Rate, Plain},
		{HTTPReqRetries, Counter, Plain},
	}
}
