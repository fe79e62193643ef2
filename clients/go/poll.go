package hotpathd

import (
	"context"
	"fmt"
	"time"
)

// poll keeps the rollout fresh until the client is closed. A failure keeps the last known one:
// a daemon that restarts must not move traffic.
func (c *Client) poll(ctx context.Context) {
	defer c.polling.Done()
	troubled := false
	for missed := 0; ctx.Err() == nil; missed++ {
		known := c.rollout.Load()
		next, err := c.fetchRollout(ctx, known)
		if err == nil && next != known {
			c.rollout.Store(next)
			c.tellChanges(known, next)
		}
		if err != nil && !troubled && ctx.Err() == nil {
			c.tell("", fmt.Sprintf("rollout not read (%v); what was known before holds", err))
		}
		troubled = err != nil
		sleep(ctx, jitter(c.untilNextPoll(missed)))
	}
}

func (c *Client) tellChanges(before, after *rollout) {
	for route, rule := range after.routes {
		if before != nil {
			if old := before.routes[route]; old.Mode == rule.Mode && old.Percent == rule.Percent {
				continue
			}
		}
		state := "mode " + string(rule.mode())
		if rule.Mode == ModeCanary {
			state += fmt.Sprintf(" %g %%", rule.Percent)
		}
		c.tell(route, state)
	}
}

// untilNextPoll begins short while there is no first answer, since until then no call gets the
// sidecar's help.
func (c *Client) untilNextPoll(missed int) time.Duration {
	interval := c.pollInterval
	known := c.rollout.Load()
	if interval <= 0 {
		interval = known.pollHint()
	}
	if wait := firstWait << missed; known == nil && missed < 10 && wait < interval {
		return wait
	}
	return interval
}

// pollHint is what the daemon asks for, within bounds.
func (r *rollout) pollHint() time.Duration {
	if r == nil || r.pollSeconds <= 0 {
		return defaultPollInterval
	}
	if r.pollSeconds >= longestPoll.Seconds() {
		return longestPoll
	}
	hint := time.Duration(r.pollSeconds * float64(time.Second))
	if hint < shortestPoll {
		return shortestPoll
	}
	return hint
}

// jitter spreads the polls of many processes: give or take a fifth.
func jitter(d time.Duration) time.Duration {
	share := 0.8 + 0.4*float64(random()%1000)/1000
	return time.Duration(float64(d) * share)
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
