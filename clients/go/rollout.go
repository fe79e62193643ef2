package hotpathd

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Mode says which path the calls of a route take.
type Mode string

const (
	ModeOff    Mode = "off"
	ModeShadow Mode = "shadow" // the old path; the sidecar is asked afterwards, and both are compared
	ModeCanary Mode = "canary" // a share of the calls, chosen by their keys
	ModeOn     Mode = "on"
)

const (
	defaultTimeout      = 250 * time.Millisecond
	defaultPollInterval = 5 * time.Second
	shortestPoll        = 500 * time.Millisecond // bounds of what the daemon may ask for
	longestPoll         = time.Minute
	firstWait           = 100 * time.Millisecond // while the first answer is missing; doubles
	fetchTimeout        = time.Second
	maxRolloutBytes     = 1 << 20
	maxDeadlineMs       = 86400000               // a day
	maxTimeoutMs        = 999999999              // nine digits, by the contract
	longestTimeout      = time.Duration(1 << 62) // more would run over when it is added to the time of now
)

// rollout is the switches in force. It is never changed once read.
type rollout struct {
	pollSeconds float64
	routes      map[string]routeRule
	etag        string
}

type routeRule struct {
	Mode          Mode
	Percent       float64
	Deadline      time.Duration
	Salt          string
	ShadowPercent float64
}

// mode is the one in force: what is not known is off.
func (rule routeRule) mode() Mode {
	switch rule.Mode {
	case ModeOn, ModeCanary, ModeShadow:
		return rule.Mode
	}
	return ModeOff
}

// isCompared draws the calls that mode shadow compares.
func (rule routeRule) isCompared(route, key string) bool {
	return rule.ShadowPercent >= 100 || inSlice(rule.bucket(route, key), rule.ShadowPercent)
}

func (rule routeRule) bucket(route, key string) uint64 {
	if key == "" {
		return drawBucket()
	}
	return bucketOf(route, rule.Salt, key)
}

// pinned makes a rollout of what the settings fix.
func pinned(modes map[string]Mode, canary map[string]float64) (*rollout, error) {
	routes := make(map[string]routeRule, len(modes)+len(canary))
	for route, mode := range modes {
		if mode != ModeOff && mode != ModeShadow && mode != ModeOn {
			return nil, fmt.Errorf("hotpathd: mode %q of route %q is none of off, shadow, on (Canary has the shares)", mode, route)
		}
		routes[route] = pin(route, mode, 100)
	}
	for route, percent := range canary {
		if _, twice := modes[route]; twice || !isPercent(percent) {
			return nil, fmt.Errorf("hotpathd: the canary of route %q is pinned elsewhere too, or not 0 to 100", route)
		}
		routes[route] = pin(route, ModeCanary, percent)
	}
	for route := range routes {
		if !isRoute(route) {
			return nil, fmt.Errorf("hotpathd: route %q is not made of a-z, 0-9, _ and -", route)
		}
	}
	return &rollout{routes: routes}, nil
}

func pin(route string, mode Mode, percent float64) routeRule {
	return routeRule{Mode: mode, Percent: percent, Deadline: defaultTimeout, Salt: route, ShadowPercent: 100}
}

func isPercent(share float64) bool { return share >= 0 && share <= 100 } // which NaN is not

// decide says whether a call goes to the sidecar (an empty reason), or why not.
func (r *rollout) decide(route, key string) (routeRule, Reason) {
	if r == nil {
		return routeRule{}, ReasonNoRollout
	}
	rule := r.routes[route] // a route that is not there has no mode, and so is off
	switch rule.Mode {
	case ModeOn:
		return rule, ""
	case ModeShadow:
		return rule, ReasonShadow
	case ModeCanary:
		return rule, rule.canary(route, key)
	default:
		return rule, ReasonOff
	}
}

func (rule routeRule) canary(route, key string) Reason {
	if inSlice(rule.bucket(route, key), rule.Percent) {
		return ""
	}
	return ReasonCanary
}

// timeout is what a call gets that names none itself.
func (rule routeRule) timeout() time.Duration {
	if rule.Deadline <= 0 { // of a route that is not there
		return defaultTimeout
	}
	return rule.Deadline
}

// fetchRollout asks the daemon for the switches; it returns known where they have not changed.
func (c *Client) fetchRollout(ctx context.Context, known *rollout) (*rollout, error) {
	req := request{method: "GET", path: "/v1/rollout", headers: c.callerHeader(nil)}
	if known != nil && known.etag != "" {
		req.headers = append(append(append(req.headers, "If-None-Match: "...), known.etag...), "\r\n"...)
	}
	reply, why := c.transport.exchange(ctx, &budget{end: time.Now().Add(fetchTimeout)}, req)
	if why != nil {
		return nil, why.err
	}
	if reply.status == 304 && known != nil {
		return known, nil
	}
	if reply.status != 200 {
		return nil, fmt.Errorf("hotpathd: /v1/rollout replied %d", reply.status)
	}
	return readRollout(reply)
}

// readRollout refuses the whole where it or a route breaks the contract, and what was known before
// holds; but a mode that a later version may know is that route's alone, and is off. It reads into
// no struct, whose members encoding/json would find by any case, and null among them.
func readRollout(reply *reply) (*rollout, error) {
	if len(reply.body) > maxRolloutBytes {
		return nil, fmt.Errorf("hotpathd: /v1/rollout is too large")
	}
	if !utf8.Valid(reply.body) {
		return nil, fmt.Errorf("hotpathd: /v1/rollout is not UTF-8")
	}
	var answer map[string]any
	if err := json.Unmarshal(reply.body, &answer); err != nil {
		return nil, err
	}
	routes, ok := answer["routes"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("hotpathd: /v1/rollout names no routes")
	}
	next := &rollout{routes: make(map[string]routeRule, len(routes))}
	next.pollSeconds, _ = answer["poll_s"].(float64) // a hint: no reason to refuse the rest
	if isETag(reply.etag.value) {
		next.etag = reply.etag.value
	}
	for name, fields := range routes {
		rule, ok := readRule(fields)
		if !ok || !isRoute(name) {
			return nil, fmt.Errorf("hotpathd: /v1/rollout has a route %.70q that is not the contract's", name)
		}
		next.routes[name] = rule
	}
	return next, nil
}

func readRule(route any) (rule routeRule, ok bool) {
	fields, _ := route.(map[string]any)
	mode, hasMode := fields["mode"].(string)
	salt, hasSalt := fields["salt"].(string)
	percent, hasPercent := fields["percent"].(float64)
	deadlineMs, hasDeadline := fields["deadline_ms"].(float64)
	shadowPercent, hasShadow := 100.0, true
	if given, isThere := fields["shadow_percent"]; isThere {
		shadowPercent, hasShadow = given.(float64)
	}
	if !hasMode || !hasSalt || !hasPercent || !hasDeadline || !hasShadow {
		return rule, false
	}
	rule = routeRule{Mode: Mode(mode), Percent: percent, Salt: salt, ShadowPercent: shadowPercent}
	rule.Deadline = time.Duration(deadlineMs * float64(time.Millisecond))
	return rule, isPercent(percent) && isPercent(shadowPercent) && deadlineMs >= 1 && deadlineMs <= maxDeadlineMs
}

const maxETagBytes = 256

// isETag is of what may go back into a header: RFC 9110's entity-tag, of ASCII.
func isETag(text string) bool {
	text = strings.TrimPrefix(text, "W/")
	if len(text) < 2 || len(text) > maxETagBytes+2 || text[0] != '"' || text[len(text)-1] != '"' {
		return false
	}
	for _, c := range []byte(text[1 : len(text)-1]) {
		if c <= ' ' || c > '~' || c == '"' {
			return false
		}
	}
	return true
}

// isRoute is of what may go into a request line.
func isRoute(name string) bool {
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return name != "" && len(name) <= 64 && name[0] != '_' && name[0] != '-'
}
