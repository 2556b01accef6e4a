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
	// their connection was closed before an answer came, or HTTP/2 or HTTP/3
	// said that they were not looked at. Each is one of
	// http_reqs, but the target may have received it twice.
	HTTPReqRetries = "http_req_retries"

	// Ours too. What has an intended start, because its iteration was due at a
	// time (an arrival rate, or minIterationDuration), is measured from there
	// as well: beside the plain duration the time a user would have waited.
	HTTPReqResponseTime   = "http_req_response_time"
	IterationResponseTime = "iteration_response_time"
	IterationDelay        = "iteration_delay" // intended to actual start

	// Ours: the health of the load generator itself.
	GeneratorLag     = "generator_lag"      // how late a timer of the runner fired
	GeneratorCPU     = "generator_cpu"      // share of the processors it may use, 0 to 1
	GeneratorMemory  = "generator_memory"   // resident
	GeneratorGCPause = "generator_gc_pause" // all goroutines stopped
	// GeneratorSocketErrors counts requests that failed on the generator's own
	// account: no descriptor or no local port left.
	GeneratorSocketErrors = "generator_socket_errors"
)

// CutOff is the value of the tag error_code of requests that were under way when
// the test ended. They say nothing about the target.
const CutOff = "1051"

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
		{HTTPReqResponseTime, Trend, Time},
		{IterationResponseTime, Trend, Time},
		{IterationDelay, Trend, Time},
		{GeneratorLag, Trend, Time},
		{GeneratorCPU, Gauge, Plain},
		{GeneratorMemory, Gauge, Data},
		{GeneratorGCPause, Trend, Time},
		{GeneratorSocketErrors, Counter, Plain},
	}
}
