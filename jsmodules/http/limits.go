package http

import "time"

const (
	maxCookies = 3000 // cookies of one jar

	maxKeptBody    = 64 << 20 // bytes of a response's body that were to be read as they arrive, and are not
	maxShownBody   = 16 << 20 // bytes of a made body that response.request.body shows
	maxEncodedBody = 64 << 20 // bytes of a made body that may be compressed

	// Limits of the caches that a Program's VUs share.
	maxTagSets     = 4096
	maxClientKinds = 1024
	maxSeriesSet   = 8192
	maxWarnings    = 64
	maxProxies     = 1024

	defaultTimeout = 60 * time.Second
)
