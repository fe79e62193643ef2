package hotpathd

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
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
	maxTimeoutMs        = 999999999              // nine digits, by the contract
	longestTimeout      = time.Duration(1 << 62) // more would run over when it is added to the time of now
)

// rollout is the reply of GET /v1/rollout: the switches in force. It is never changed once read.
type rollout struct {
	PollSeconds float64              `json:"poll_s"`
	Routes      map[string]routeRule `json:"routes"`
	etag        string
}

type routeRule struct {
	Mode          Mode     `json:"mode"`
	Percent       float64  `json:"percent"`
	DeadlineMs    int64    `json:"deadline_ms"`
	Salt          string   `json:"salt"`
	ShadowPercent *float64 `json:"shadow_percent"` // absent: all
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
	return rule.ShadowPercent == nil || *rule.ShadowPercent >= 100 ||
		inSlice(rule.bucket(route, key), *rule.ShadowPercent)
}

func (rule routeRule) bucket(route, key string) uint64 {
	if key == "" {
		return drawBucket()
	}
	return bucketOf(route, rule.Salt, key)
}

// pinned makes a rollout of the modes that the settings fix. A share has no place there.
func pinned(modes map[string]Mode) (*rollout, error) {
	routes := make(map[string]routeRule, len(modes))
	for route, mode := range modes {
		if mode != ModeOff && mode != ModeShadow && mode != ModeOn {
			return nil, fmt.Errorf("hotpathd: mode %q of route %q is none of off, shadow, on", mode, route)
		}
		if !isRoute(route) {
			return nil, fmt.Errorf("hotpathd: route %q is not made of a-z, 0-9, _ and -", route)
		}
		routes[route] = routeRule{Mode: mode, Salt: route}
	}
	return &rollout{Routes: routes}, nil
}

// decide says whether a call goes to the sidecar (an empty reason), or why not.
func (r *rollout) decide(route, key string) (routeRule, Reason) {
	if r == nil {
		return routeRule{}, ReasonNoRollout
	}
	rule := r.Routes[route] // a route that is not there has no mode, and so is off
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
	if rule.DeadlineMs < 1 || rule.DeadlineMs > maxTimeoutMs {
		return defaultTimeout
	}
	return time.Duration(rule.DeadlineMs) * time.Millisecond
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

func readRollout(reply *reply) (*rollout, error) {
	if len(reply.body) > maxRolloutBytes {
		return nil, fmt.Errorf("hotpathd: /v1/rollout is too large")
	}
	next := &rollout{}
	if isETag(reply.etag) {
		next.etag = reply.etag
	}
	if err := json.Unmarshal(reply.body, next); err != nil {
		return nil, err
	}
	if next.Routes == nil {
		return nil, fmt.Errorf("hotpathd: /v1/rollout names no routes")
	}
	for name := range next.Routes {
		if !isRoute(name) {
			return nil, fmt.Errorf("hotpathd: /v1/rollout names a route %.70q", name)
		}
	}
	return next, nil
}

// isETag is of what may go back into a header.
func isETag(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return len(text) <= 256
}

// isRoute is of what may go into a request line.
func isRoute(name string) bool {
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return name != "" && len(name) <= 64
}
