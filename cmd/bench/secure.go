package main

import (
	"context"
	"errors"
	"time"
)

// overTLS compares HTTP/1.1 over TLS 1.3. The target does not offer HTTP/2, so
// nobody needs to be told.
func overTLS(ctx context.Context, b *bench, length time.Duration) (string, bool, error) {
	c, err := b.compareOn(ctx, "tls", site{protocol: "TLSv1.3 HTTP/1.1", listen: "ssl"}, length, job.TLSTools)
	if err != nil {
		return "", false, err
	}
	ratio, words, ok := c.ratio("swarm minimal", "bombardier", Measurement.CPUPerRequest, "CPU per request")
	if !ok {
		return words, false, errUnjudged
	}
	return words, ratio <= 1.3, nil
}

// overHTTP2 compares HTTP/2 over TLS 1.3.
func overHTTP2(ctx context.Context, b *bench, length time.Duration) (string, bool, error) {
	c, err := b.compareOn(ctx, "http2", site{protocol: "TLSv1.3 HTTP/2.0", listen: "ssl http2"}, length, job.HTTP2Tools)
	if err != nil {
		return "", false, err
	}
	ratio, words, ok := c.ratio("swarm minimal", "k6 minimal", Measurement.Rate, "throughput")
	if _, floor, measured := c.ratio("swarm minimal", "h2load", Measurement.CPUPerRequest, "CPU per request"); measured {
		words += "; " + floor
	}
	if !ok {
		return words, false, errUnjudged
	}
	return words, ratio >= 2, nil
}

// compareOn compares tools on a target that is there for them alone, and prints
// the table.
func (b *bench) compareOn(ctx context.Context, name string, s site, length time.Duration, tools func(job) []Tool) (c *comparison, err error) {
	target, err := b.startTarget(ctx, name, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, target.Stop()) }()
	if c, err = b.compare(ctx, tools(b.job(target, length)), target); err != nil {
		return nil, err
	}
	return c, c.table(b.out)
}
