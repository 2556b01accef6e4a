package main

import (
	"strings"

	"github.com/swarmload/swarm/engine/vu"
)

// missingHint says what to do about a global that scripts know from elsewhere
// and that does not exist here; empty for any other exception.
func missingHint(e *vu.Exception) string {
	name, ok := strings.CutSuffix(e.Message, " is not defined")
	if !ok || e.Name != "ReferenceError" {
		return ""
	}
	switch name {
	case "open":
		return `swarm has no open() yet; import the file: import data from "./data.json", or a .txt file as text`
	case "setTimeout", "clearTimeout", "setInterval", "clearInterval", "queueMicrotask", "performance",
		"TextEncoder", "TextDecoder", "URL", "URLSearchParams", "atob", "btoa", "structuredClone", "crypto",
		"AbortController", "Headers", "FormData", "Blob":
		return "swarm does not have " + name + " yet"
	case "fetch":
		return "swarm does not have fetch yet; use swarm/http"
	case "process":
		return "scripts do not run in Node.js; the environment is __ENV, filled by -e NAME=value"
	case "window", "document", "Buffer":
		return "scripts run neither in a browser nor in Node.js"
	}
	return ""
}
