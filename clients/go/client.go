package hotpathd

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config holds the settings of a client. The zero value is a good one.
type Config struct {
	// URL of the daemon: http://host:port or unix:path. Where it is empty, $HOTPATHD_URL holds,
	// else unix:/run/hotpathd/hotpathd.sock if it is there, else http://127.0.0.1:8377. A host is
	// an IP address or localhost: looking up any other name could not be kept within a budget.
	URL string

	// Modes pins the modes of routes to off, shadow or on, in place of asking the daemon. Where
	// it is not nil nothing is polled, and a route that is not named is off.
	Modes map[string]Mode

	// Canary pins routes to mode canary, each at its percentage; the salt is the route's name.
	// Where it is not nil nothing is polled, as with Modes, and both may be there.
	Canary map[string]float64

	// Caller is the calling service as name/version, at most 64 printable ASCII characters, for
	// the daemon's log and metrics.
	Caller string

	// PollInterval is the time between two looks at the daemon's modes, give or take a fifth.
	// Zero leaves it to the daemon's hint, else 5 s.
	PollInterval time.Duration

	// OnCall, where set, is told of each call as it ends, on the goroutine that made it.
	OnCall func(CallInfo)

	// Events is a file that gets one line of JSON for each call; where it is empty,
	// $HOTPATHD_EVENTS holds. At EventsMaxBytes (64 MiB) it is renamed to PATH.1. Events wait in
	// memory for at most a second: Close writes them. While there are events, a call is bound to
	// its thread, since CPU time is a thread's: a few microseconds for each wait.
	Events         string
	EventsMaxBytes int64

	// OnEvent, where set, is told of each call on a goroutine of its own, comparisons of mode
	// shadow included: for metrics.
	OnEvent func(Event)

	// Breaker says when a failing sidecar is left alone.
	Breaker Breaker

	// Noise is the percentage of mode shadow's comparisons that compare the old code with itself
	// instead: how much it differs from run to run.
	Noise float64

	// Traceparent, where set, reads the current span from a call's context, as W3C Trace Context.
	// WithTraceparent comes before it.
	Traceparent func(context.Context) string

	// OnStateChange is told when a route changes its state, never of calls; route is empty for what
	// concerns all of them: settings that make no sense, modes that cannot be read. Where it is nil
	// the default logger gets a line.
	OnStateChange func(route, state string)
}

// Client stands for the daemon beside this process. Make one with New and share it: all its
// methods, and Do, may be used by many goroutines at once.
type Client struct {
	err           error // of the settings
	off           killSwitch
	onCall        func(CallInfo)
	pollInterval  time.Duration
	caller        string
	breaker       Breaker
	noise         float64
	traceparent   func(context.Context) string
	onStateChange func(route, state string)
	transport     *transport
	events        *events // nil where nobody wants them
	shadow        *shadow
	rollout       atomic.Pointer[rollout] // nil until the first answer
	routes        routeStates
	closed        atomic.Bool
	stopPolling   context.CancelFunc
	polling       sync.WaitGroup
	started       time.Time
}

// New returns a client, at once: it looks for the daemon in the background. It never fails,
// because a service must start without its sidecar; with settings that make no sense every call
// takes the old path, and Err says why. The environment is read here and not later.
func New(config Config) *Client {
	ctx, cancel := context.WithCancel(context.Background())
	client := &Client{
		off:           parseKillSwitch(os.Getenv("HOTPATHD_OFF")),
		onCall:        config.OnCall,
		pollInterval:  config.PollInterval,
		caller:        config.Caller,
		breaker:       config.Breaker,
		noise:         config.Noise,
		traceparent:   config.Traceparent,
		onStateChange: config.OnStateChange,
		shadow:        newShadow(),
		stopPolling:   cancel,
		started:       time.Now(),
	}
	if client.err = client.configure(config); client.err != nil {
		client.tell("", "every call takes the old path: "+client.err.Error())
		return client
	}
	if path := eventsPath(config.Events); path != "" || config.OnEvent != nil {
		client.events = newEvents(path, config.OnEvent, config.Caller, config.EventsMaxBytes)
	}
	if !config.isPinned() && !client.off.all {
		client.polling.Add(1)
		go client.poll(ctx)
	}
	return client
}

func eventsPath(fromConfig string) string {
	if fromConfig != "" {
		return fromConfig
	}
	return os.Getenv("HOTPATHD_EVENTS")
}

func (c *Client) configure(config Config) error {
	at, err := findAddress(config.URL)
	if err != nil {
		return err
	}
	if !isCaller(config.Caller) {
		return fmt.Errorf("hotpathd: Caller %q is not at most 64 printable ASCII characters", config.Caller)
	}
	c.transport = newTransport(at)
	if !config.isPinned() {
		return nil
	}
	modes, err := pinned(config.Modes, config.Canary)
	c.rollout.Store(modes)
	return err
}

func (c Config) isPinned() bool { return c.Modes != nil || c.Canary != nil }

func isCaller(name string) bool {
	outside := func(r rune) bool { return r < '!' || r > '~' }
	return len(name) <= 64 && strings.IndexFunc(name, outside) < 0
}

// Err tells what is wrong with the settings or the environment, nil where nothing is.
func (c *Client) Err() error { return c.err }

// Dropped counts what was given up so as not to delay a caller: events for a full queue or disk,
// and comparisons of mode shadow for a full queue.
func (c *Client) Dropped() (events, comparisons int64) {
	if c.events != nil {
		events = c.events.dropped.Load()
	}
	return events, c.shadow.dropped.Load()
}

// Close stops the polling, writes the events and drops idle connections. Calls under way go on;
// calls after it take the old path. It may be called more than once.
func (c *Client) Close() {
	c.closed.Store(true)
	c.stopPolling()
	c.polling.Wait()
	c.shadow.close()
	if c.transport != nil {
		c.transport.close()
	}
	if c.events != nil {
		c.events.close()
	}
}

// decide says whether a call goes to the sidecar (an empty reason), or why not. What is nearest
// to the caller wins: the settings, the environment, the daemon's modes.
func (c *Client) decide(route, key string) (routeRule, Reason) {
	switch {
	case c.err != nil:
		return routeRule{}, ReasonBadConfig
	case c.closed.Load() || c.off.has(route):
		return routeRule{}, ReasonOff
	}
	return c.rollout.Load().decide(route, key)
}

// now is the time since New: half the price of time.Now, which asks for the date too.
func (c *Client) now() time.Duration { return time.Since(c.started) }

func (c *Client) tell(route, state string) {
	if c.onStateChange != nil {
		if _, err := guard(func() (struct{}, error) { c.onStateChange(route, state); return struct{}{}, nil }); err != nil {
			logLine("OnStateChange failed", "error", err.Error())
		}
		return
	}
	if route == "" {
		logLine(state)
		return
	}
	logLine("route "+route+": "+state, "route", route, "state", state)
}

// killSwitch is $HOTPATHD_OFF: 1 for every route, or the names of some: chunk,score.
type killSwitch struct {
	all    bool
	routes map[string]bool
}

// parseKillSwitch takes any word for "yes" as every route: who reaches for it wants it off.
func parseKillSwitch(value string) killSwitch {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "", "0", "false", "no":
		return killSwitch{}
	case "1", "true", "yes", "on", "all", "*":
		return killSwitch{all: true}
	}
	routes := map[string]bool{}
	for _, route := range strings.Split(value, ",") {
		routes[strings.TrimSpace(route)] = true
	}
	return killSwitch{routes: routes}
}

func (k killSwitch) has(route string) bool { return k.all || k.routes[route] }
