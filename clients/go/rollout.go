package hotpathd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Mode says which path the calls of a route take.
type Mode string

const (
	ModeOff    Mode = "off"
	ModeShadow Mode = "shadow" // for now the old path only, see the package's documentation
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
)

// rollout is the reply of GET /v1/rollout: the switches in force. It is never changed once read.
type rollout struct {
	PollSeconds float64              `json:"poll_s"`
	Routes      map[string]routeRule `json:"routes"`
	etag        string
}

type routeRule struct {
	Mode       Mode    `json:"mode"`
	Percent    float64 `json:"percent"`
	DeadlineMs int64   `json:"deadline_ms"`
	Salt       string  `json:"salt"`
}

// pinned makes a rollout of the modes that the settings fix. A share has no place there.
func pinned(modes map[string]Mode) (*rollout, error) {
	routes := make(map[string]routeRule, len(modes))
	for route, mode := range modes {
		if mode != ModeOff && mode != ModeShadow && mode != ModeOn {
			return nil, fmt.Errorf("hotpathd: mode %q of route %q is none of off, shadow, on", mode, route)
		}
		routes[route] = routeRule{Mode: mode}
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
		return rule, ReasonRouteOff
	}
}

func (rule routeRule) canary(route, key string) Reason {
	bucket := drawBucket()
	if key != "" {
		bucket = bucketOf(route, rule.Salt, key)
	}
	if inSlice(bucket, rule.Percent) {
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
func (s *sidecar) fetchRollout(ctx context.Context, known *rollout) (*rollout, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := s.newRequest(ctx, http.MethodGet, "/v1/rollout", nil)
	if err != nil {
		return nil, err
	}
	if known != nil && known.etag != "" {
		req.Header.Set("If-None-Match", known.etag)
	}
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotModified && known != nil {
		return known, nil
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("hotpathd: /v1/rollout replied %d", resp.StatusCode)
	}
	return readRollout(resp)
}

func readRollout(resp *http.Response) (*rollout, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRolloutBytes))
	if err != nil {
		return nil, err
	}
	next := &rollout{etag: resp.Header.Get("ETag")}
	if err := json.Unmarshal(body, next); err != nil {
		return nil, err
	}
	if next.Routes == nil {
		return nil, fmt.Errorf("hotpathd: /v1/rollout names no routes")
	}
	return next, nil
}
