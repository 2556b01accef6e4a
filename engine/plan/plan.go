// Package plan turns a script's options into a Plan: every default filled in,
// every value checked, nothing left for the engine to guess.
package plan

import (
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// Plan is a whole test as the engine runs it. It is JSON-encodable: that is
// how it crosses the wire. Treat it as immutable once parsed.
type Plan struct {
	Scenarios  []Scenario  `json:"scenarios"` // sorted by StartTime, then name
	Thresholds []Threshold `json:"thresholds"`
	// Submetrics are shown in the summary without being judged: thresholds
	// with a filter and an empty list of conditions.
	Submetrics []Selector `json:"submetrics"`

	SetupTimeout         time.Duration `json:"setupTimeout"`
	TeardownTimeout      time.Duration `json:"teardownTimeout"`
	HandleSummaryTimeout time.Duration `json:"handleSummaryTimeout"`
	InitTimeout          time.Duration `json:"initTimeout"`
	VUSetupTimeout       time.Duration `json:"vuSetupTimeout"`
	VUTeardownTimeout    time.Duration `json:"vuTeardownTimeout"`
	// MinIterationDuration paces iterations: each but the first of a VU is due
	// that long after the one before began.
	MinIterationDuration time.Duration `json:"minIterationDuration"`
	IterationTimeout     time.Duration `json:"iterationTimeout"` // 0: none

	// Segment is the share of the load this plan stands for; the zero value is
	// all of it. Scenarios hold the figures of the whole test.
	Segment Segment `json:"segment"`
	// Paused makes the run wait, after setup and with all VUs made, until it is resumed.
	Paused bool `json:"paused"`

	NoSetup      bool `json:"noSetup"`
	NoTeardown   bool `json:"noTeardown"`
	NoThresholds bool `json:"noThresholds"`

	Tags       map[string]string `json:"tags"`       // on every sample
	SystemTags []string          `json:"systemTags"` // which of the tags we set ourselves
	MaxSeries  int               `json:"maxSeries"`
	// Metrics names the metrics that are kept; empty: all. Those of thresholds
	// and those that every summary shows are in it always.
	Metrics []string `json:"metrics"`
	// FailOnCheck makes one failed check fail the run: a default threshold.
	FailOnCheck bool `json:"failOnCheck"`

	SummaryTrendStats []string `json:"summaryTrendStats"`
	SummaryTimeUnit   string   `json:"summaryTimeUnit"` // "", "s", "ms", "us"

	HTTP HTTP `json:"http"`

	Notes []string `json:"notes"` // accepted but without effect: one line each, for the user
}

// HTTP holds the options of the HTTP client.
type HTTP struct {
	BaseURL               string `json:"baseURL"`
	UserAgent             string `json:"userAgent"`
	MaxRedirects          int    `json:"maxRedirects"`
	Batch                 int    `json:"batch"`        // at least 1
	BatchPerHost          int    `json:"batchPerHost"` // at least 1
	Throw                 bool   `json:"throw"`
	DiscardResponseBodies bool   `json:"discardResponseBodies"`
	NoConnectionReuse     bool   `json:"noConnectionReuse"`
	NoVUConnectionReuse   bool   `json:"noVUConnectionReuse"`
	NoCookiesReset        bool   `json:"noCookiesReset"`
	InsecureSkipTLSVerify bool   `json:"insecureSkipTLSVerify"`
	// Hosts maps a host in lower case ("example.com", "*.example.com",
	// "example.com:8080") to the address to dial ("127.0.0.1", "[::1]:8443").
	// Or the path of a unix socket ("unix:/run/app.sock"), one of UnixSockets.
	Hosts map[string]string `json:"hosts"`

	// Version is the protocol: "" is HTTP/2 where a TLS server offers it, else
	// HTTP/1.1; "1.1", "2", "h2c" (HTTP/2 without TLS, for http:// URLs too) and
	// "3" are spoken from the start; "auto" is "" that also follows Alt-Svc to HTTP/3.
	Version string `json:"version"`
	// RPS is the highest number of requests begun in a second by the whole test; 0: no limit.
	RPS int64 `json:"rps"`
	// Proxy is the URL of the proxy for every request ("http://user:pass@host:3128",
	// https, socks5, socks5h); "": Proxies tells.
	Proxy string `json:"proxy"`
	// Proxies are proxies that depend on the URL.
	Proxies Proxies `json:"proxies"`
	// Debug logs requests and responses: "", "headers" or "full".
	Debug string `json:"debug"`
	// ConnectionLifetime is how long a connection is reused at most; 0: for ever.
	ConnectionLifetime time.Duration `json:"connectionLifetime"`
	DNS                DNS           `json:"dns"`
	// BlacklistIPs are address ranges ("10.0.0.0/8") that are never dialled.
	BlacklistIPs []string `json:"blacklistIPs"`
	// BlockHostnames are host names in lower-case ASCII that are never contacted.
	// "*." in front stands for one label or more; "*" is every host.
	BlockHostnames []string `json:"blockHostnames"`
	// LocalIPs are the addresses VUs send from, each VU from one: single ones,
	// ranges ("10.0.0.2-10.0.0.9") and networks ("10.0.0.0/24").
	LocalIPs []string `json:"localIPs"`
	// UnixSockets are the paths of sockets that the operator allows scripts to
	// connect to. No script can set it.
	UnixSockets []string `json:"unixSockets"`
	TLS         TLS      `json:"tls"`
}

// Proxies are the proxies of the operator's environment, with the meaning that
// curl and Go give to HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
type Proxies struct {
	HTTP  string `json:"http"`  // for http:// URLs; "": none
	HTTPS string `json:"https"` // for https:// URLs; "": none
	// No lists what is contacted without a proxy, as in NO_PROXY:
	// "localhost,.example.com,10.0.0.0/8"; "*": everything.
	No string `json:"no"`
}

// DNS says how host names are resolved.
type DNS struct {
	// TTL is how long an answer is used: 0 for one connection, negative for ever.
	TTL    time.Duration `json:"ttl"`    // default 5 minutes
	Select string        `json:"select"` // "first", "random" (default), "roundRobin"
	Policy string        `json:"policy"` // "preferIPv4" (default), "preferIPv6", "onlyIPv4", "onlyIPv6", "any"
}

// TLS holds the options of TLS connections.
type TLS struct {
	MinVersion   string    `json:"minVersion"` // "tls1.0" to "tls1.3"; "": Go's default
	MaxVersion   string    `json:"maxVersion"`
	CipherSuites []string  `json:"cipherSuites"` // IANA names; empty: Go's default
	Auth         []TLSAuth `json:"auth"`
	CACerts      []string  `json:"caCerts"`    // PEM, at least one certificate each; in addition to the system's
	Resumption   bool      `json:"resumption"` // reuse sessions on new connections of one VU; default false
}

// TLSAuth is a client certificate and where to show it. Key and Password are
// secrets, see Plan.Masked.
type TLSAuth struct {
	Domains  []string `json:"domains"` // in lower-case ASCII: "example.com", "*.example.com"; empty: everywhere
	Cert     string   `json:"cert"`    // PEM
	Key      string   `json:"key"`     // PEM
	Password string   `json:"password"`
}

// Executor names, as written in scripts.
const (
	ConstantVUs      = "constant-vus"
	SharedIterations = "shared-iterations"
	PerVUIterations  = "per-vu-iterations"
	RampingVUs       = "ramping-vus"

	ConstantArrivalRate  = "constant-arrival-rate"
	RampingArrivalRate   = "ramping-arrival-rate"
	ExternallyControlled = "externally-controlled"
	// Users is Locust's model: VUs of several classes.
	Users = "users"
	// Shape lets a function of the script decide, tick by tick.
	Shape = "shape"
	// Capacity searches the highest arrival rate at which the thresholds hold.
	Capacity = "capacity"
)

// Scenario is one workload. Fields that its Executor does not use are zero.
type Scenario struct {
	Name      string        `json:"name"`
	Executor  string        `json:"executor"`
	StartTime time.Duration `json:"startTime"`
	// StartAfter names the scenario whose end StartTime counts from; "": the
	// start of the load.
	StartAfter   string            `json:"startAfter"`
	GracefulStop time.Duration     `json:"gracefulStop"`
	Exec         string            `json:"exec"`
	Env          map[string]string `json:"env"`
	Tags         map[string]string `json:"tags"`

	// VUs is also the users of a users scenario, and where externally-controlled
	// starts. Duration is constant-*'s; also of those that may go without, 0:
	// externally-controlled, users, shape.
	VUs              int           `json:"vus"`
	Duration         time.Duration `json:"duration"`
	Iterations       int64         `json:"iterations"`       // *-iterations
	MaxDuration      time.Duration `json:"maxDuration"`      // *-iterations, capacity
	StartVUs         int           `json:"startVUs"`         // ramping-vus
	Stages           []Stage       `json:"stages"`           // ramping-*
	GracefulRampDown time.Duration `json:"gracefulRampDown"` // ramping-vus

	// Arrival rates: Rate (constant-, capacity: the first tried), StartRate and
	// the Stages' targets (ramping-) are iterations per TimeUnit.
	// MaxIterationDelay is how long an iteration may wait for a free VU before
	// it is dropped.
	Rate              int64         `json:"rate"`
	StartRate         int64         `json:"startRate"`
	TimeUnit          time.Duration `json:"timeUnit"`
	PreAllocatedVUs   int           `json:"preAllocatedVUs"` // made before the load; also shape
	MaxVUs            int           `json:"maxVUs"`          // made when needed, up to this; also externally-controlled, shape, users (0: no limit of its own)
	MaxIterationDelay time.Duration `json:"maxIterationDelay"`

	// SpawnRate is how many users come, or go, per second (users, shape; 0: all
	// at once).
	SpawnRate float64 `json:"spawnRate"`
	// Classes of users; at least one. Their Env and Tags hold the scenario's too.
	Classes []Class `json:"classes"`

	// Shape is the exported function that is asked every Tick; Open says that
	// it gives an arrival rate, else it gives a number of users.
	Shape string        `json:"shape"`
	Tick  time.Duration `json:"tick"`
	Open  bool          `json:"open"`

	Search Search `json:"search"` // capacity

	// StartJitter spreads the first iterations of VUs that start together over
	// this span; 0 switches it off. By default 0.2 ms for each VU, at most a
	// second and a tenth of Span; 0 where they do not start together.
	StartJitter time.Duration `json:"startJitter"`
}

// Class is one kind of user of a users scenario. Of the users that no
// FixedCount claims, each class gets the share its Weight has.
type Class struct {
	Name       string            `json:"name"`
	Exec       string            `json:"exec"`
	Weight     float64           `json:"weight"`     // above 0 unless FixedCount is
	FixedCount int               `json:"fixedCount"` // 0: by weight
	Env        map[string]string `json:"env"`
	Tags       map[string]string `json:"tags"`
}

// Search bounds what a capacity scenario tries: rates double from Rate until
// the thresholds break, then the interval is halved until it is at most
// Precision of the rate wide, then the highest rate that held is held again.
type Search struct {
	MaxRate   int64         `json:"maxRate"`   // per TimeUnit; highest to try
	MinRate   int64         `json:"minRate"`   // per TimeUnit; the run fails when less held. 0: no demand
	Step      time.Duration `json:"step"`      // how long each rate is tried
	Settle    time.Duration `json:"settle"`    // of each step: not judged
	Hold      time.Duration `json:"hold"`      // how long the last rate must hold
	Precision float64       `json:"precision"` // such as 0.02
}

// SearchOverhead is what each probe of a search takes beyond its length, and
// what it takes to begin: runners report each second, or a little less often.
const SearchOverhead = 3 * time.Second / 2

// Stage is one leg of a ramp: reach Target at the end of Duration.
type Stage struct {
	Duration time.Duration `json:"duration"`
	Target   int           `json:"target"`
}

// Threshold is one condition on one metric.
type Threshold struct {
	Metric         string            `json:"metric"` // without the tag filter
	Filter         map[string]string `json:"filter"`
	Expression     string            `json:"expression"` // "p(95)<200", as the script wrote it, without "over …"
	AbortOnFail    bool              `json:"abortOnFail"`
	DelayAbortEval time.Duration     `json:"delayAbortEval"`
	Default        bool              `json:"default"` // not written by the user: script_errors, failOnCheck's
	Type           metric.Type       `json:"type"`    // of the metric
	Unit           metric.Unit       `json:"unit"`    // of the metric
	// Over makes the condition hold for every span of that length, "over 30s"
	// in the script; 0: for the whole run.
	Over time.Duration `json:"over"`
	// NoDataOK passes a metric without samples, which fails otherwise.
	NoDataOK bool `json:"noDataOK"`
}

// Selector names the series of a metric that have the tags of Filter.
type Selector struct {
	Metric string            `json:"metric"`
	Filter map[string]string `json:"filter"`
}
