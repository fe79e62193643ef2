package hotpathd

import (
	"sync"
	"sync/atomic"
	"time"
)

// routeState is what a client learns of one route.
type routeState struct {
	breaker *routeBreaker
	legacy  atomic.Int64 // how long the old code takes at most of late, in ns
}

// routeStates is copied when a route is met for the first time, and read without a lock.
type routeStates struct {
	known atomic.Pointer[map[string]*routeState]
	mu    sync.Mutex
}

func (c *Client) route(name string) *routeState {
	if known := c.routes.known.Load(); known != nil {
		if state, ok := (*known)[name]; ok {
			return state
		}
	}
	return c.meet(name)
}

func (c *Client) meet(name string) *routeState {
	c.routes.mu.Lock()
	defer c.routes.mu.Unlock()
	next := map[string]*routeState{}
	if known := c.routes.known.Load(); known != nil {
		if state, ok := (*known)[name]; ok {
			return state
		}
		for name, state := range *known {
			next[name] = state
		}
	}
	state := &routeState{breaker: newRouteBreaker(c.breaker, c.now,
		func(to string) { c.tell(name, to) })}
	next[name] = state
	c.routes.known.Store(&next)
	return state
}

// learn takes one run of the old code. Its longest time counts at once, and fades by a sixteenth
// of the difference with each shorter one.
func (s *routeState) learn(took time.Duration) {
	for {
		known := s.legacy.Load()
		next := int64(took)
		if next < known {
			next = known - (known-next+15)/16
		}
		if s.legacy.CompareAndSwap(known, next) {
			return
		}
	}
}

// reserve is what is kept back of a caller's deadline, so that the old code still fits.
func (s *routeState) reserve() time.Duration { return time.Duration(s.legacy.Load()) }
