package target

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// route is an index into the counters. Routing is by hand and not by
// http.ServeMux, because the mux answers some requests itself (cleaned paths),
// and those would go uncounted.
type route int

const (
	routeHome route = iota
	routeItems
	routeItem
	routeLogin
	routeOrders
	routeHealth
	routeEcho
	routeCookies
	routeSetCookie
	routeRedirect
	routeStatus
	routeEvents
	routeUnknown
	routeCount

	routeCounts route = -1
	routeReset  route = -2
)

var routeNames = [routeCount]string{
	"/", "/items", "/items/{id}", "/login", "/orders", "/health", "/echo",
	"/cookies", "/cookies/set", "/redirect/{n}", "/status/{code}", "/sse", "(unknown)",
}

// find returns the route of a path and the value of its last, variable part.
func find(path string) (route, string) {
	switch path {
	case "/":
		return routeHome, ""
	case "/items":
		return routeItems, ""
	case "/login":
		return routeLogin, ""
	case "/orders":
		return routeOrders, ""
	case "/health":
		return routeHealth, ""
	case "/echo":
		return routeEcho, ""
	case "/cookies":
		return routeCookies, ""
	case "/cookies/set":
		return routeSetCookie, ""
	case "/sse":
		return routeEvents, ""
	case "/count":
		return routeCounts, ""
	case "/reset":
		return routeReset, ""
	}
	cut := strings.LastIndexByte(path, '/') + 1
	if arg := path[cut:]; arg != "" {
		switch path[:cut] {
		case "/items/":
			return routeItem, arg
		case "/redirect/":
			return routeRedirect, arg
		case "/status/":
			return routeStatus, arg
		}
	}
	return routeUnknown, ""
}

// allowed lists the methods of a route; nil means any.
func (r route) allowed() []string {
	switch r {
	case routeLogin, routeReset:
		return []string{"POST"}
	case routeOrders:
		return []string{"GET", "HEAD", "POST"}
	case routeEcho, routeStatus, routeRedirect, routeEvents, routeUnknown:
		return nil
	}
	return []string{"GET", "HEAD"}
}

// number reads a decimal number within limits.
func number(s string, lo, hi int) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= lo && n <= hi
}

func cutToken(token string) (name string, signature []byte, ok bool) {
	a, b, ok := strings.Cut(token, ".")
	if !ok {
		return "", nil, false
	}
	n, err1 := hex.DecodeString(a)
	s, err2 := hex.DecodeString(b)
	return string(n), s, err1 == nil && err2 == nil
}
