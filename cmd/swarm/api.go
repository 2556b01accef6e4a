package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"github.com/swarmload/swarm/cmd/swarm/control"
)

// tokenVariable may hold the token of the API, so that no process list shows it.
const tokenVariable = "SWARM_API_TOKEN"

// apiFlags say where the API of a run listens; nowhere by default.
type apiFlags struct {
	address, tokenFile string
}

func (a *apiFlags) register(f *pflag.FlagSet) {
	f.StringVarP(&a.address, "address", "a", "", "let programs on this machine steer the run over HTTP at `host:port`, such as 127.0.0.1:6565")
	f.StringVar(&a.tokenFile, "address-token-file", "", "write the token that --address demands to `FILE` instead of the standard error")
}

// door is an API that listens and does not answer yet.
type door struct {
	net.Listener
	token string
	file  string   // holds the token; "" for none
	news  []string // what the user has to know
}

// open listens. It returns nil when no API was asked for.
func (a *apiFlags) open(lookup func(string) (string, bool)) (*door, error) {
	if a.address == "" {
		if a.tokenFile != "" {
			return nil, &usageError{message: "--address-token-file is of no use without --address", hint: "--address 127.0.0.1:" + control.DefaultPort}
		}
		return nil, nil
	}
	at, err := control.ParseAddress(a.address)
	var wrong *control.AddressError
	if errors.As(err, &wrong) {
		return nil, &usageError{message: "--address: " + wrong.Message, hint: wrong.Hint}
	}
	d := &door{file: a.tokenFile}
	given := false
	if d.token, given = lookup(tokenVariable); !given || d.token == "" {
		d.token, given = control.NewToken(), false
	}
	if err := control.CheckToken(d.token); err != nil {
		return nil, &usageError{message: tokenVariable + ": " + err.Error(), hint: "openssl rand -hex 32 makes a good one; without the variable swarm makes one"}
	}
	if d.Listener, err = net.Listen("tcp", at.String()); err != nil {
		return nil, &startError{fmt.Errorf("--address: %w", err)}
	}
	d.news = append(d.news, "api    http://"+d.Addr().String()+"/v1/status")
	switch {
	case d.file != "":
		if err := control.WriteToken(d.file, d.token); err != nil {
			d.Close()
			return nil, &configError{fmt.Errorf("--address-token-file: %w", err)}
		}
		d.news = append(d.news, "       the token is in "+d.file)
	case given:
		d.news = append(d.news, "       the token is that of "+tokenVariable)
	default:
		d.news = append(d.news, "       Authorization: Bearer "+d.token)
	}
	return d, nil
}

// forget removes the file of a token that opens nothing any more.
func (d *door) forget() {
	if text, err := os.ReadFile(d.file); d.file != "" && err == nil && strings.TrimSpace(string(text)) == d.token {
		os.Remove(d.file)
	}
}
