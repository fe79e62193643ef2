package hotpathd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Call is one piece of work that either the sidecar or the old code can do.
type Call[T any] struct {
	// Route is the hot path by name: chunk, score.
	Route string

	// Body is the request: ChunkRequest, or anything else that encoding/json can write (which
	// silently replaces what is not UTF-8; ChunkRequest does not). A json.RawMessage goes out as
	// it is.
	Body any

	// Reply makes the result of a successful reply's body, which it may keep. An error sends the
	// call to Legacy. Where it is nil the body is decoded into T as JSON.
	Reply func(body []byte) (T, error)

	// Legacy is the old code. It must be there.
	Legacy func(ctx context.Context) (T, error)

	// Key chooses the canary's slice: the same key always takes the same path. A document, user
	// or tenant id does well. An empty key is no key, and such a call is drawn at random.
	Key string

	// Timeout is all the time that the sidecar may cost, from the first byte sent to the last one
	// read. Zero or less leaves it to the daemon's setting for the route, else 250 ms. It never
	// reaches past the context's own deadline.
	Timeout time.Duration
}

// CallInfo tells how a call went. There is nothing of the document in it.
type CallInfo struct {
	Route     string
	RequestID string // as the daemon's log has it
	Outcome   Outcome
	Path      Path
	Reason    Reason // why the sidecar's reply was not used
	Err       error  // more about Reason, where there is more; for people, not for code

	SidecarTime time.Duration // spent on the sidecar, in vain or not
	LegacyTime  time.Duration
	TotalTime   time.Duration
}

// Do makes a call: the sidecar's result where the route's mode says so and the sidecar is well
// and in time, else the result of Legacy. The error is the one of Legacy, or ctx.Err() where the
// caller itself gave up, in which case Legacy is not run. It is never the sidecar's.
func Do[T any](ctx context.Context, client *Client, call Call[T]) (T, error) {
	if call.Legacy == nil {
		panic("hotpathd: a Call without Legacy") // at its first call, not at the first outage
	}
	started := time.Now()
	info := CallInfo{Route: call.Route, RequestID: newRequestID()}
	result, err := do(ctx, client, call, &info)
	info.TotalTime = time.Since(started)
	if client.onCall != nil {
		client.onCall(info)
	}
	return result, err
}

func do[T any](ctx context.Context, client *Client, call Call[T], info *CallInfo) (T, error) {
	info.Outcome, info.Path = OutcomeLegacy, PathLegacy
	rule, reason := client.decide(call.Route, call.Key)
	if reason == "" {
		result, why := ask(ctx, client, call, rule, info)
		if why == nil {
			info.Outcome, info.Path = OutcomeOK, PathSidecar
			return result, nil
		}
		info.Outcome, info.Err, reason = OutcomeFallback, why.err, why.reason
	}
	info.Reason = reason
	if err := gaveUp(ctx); err != nil {
		var none T
		info.Outcome, info.Path = OutcomeCancelled, PathNone
		return none, err
	}
	started := time.Now()
	result, err := call.Legacy(ctx)
	info.LegacyTime = time.Since(started)
	return result, err
}

// ask gets the result from the sidecar. By the time Reply runs the connection is back in its
// pool, so that a panic there is the caller's alone.
func ask[T any](ctx context.Context, client *Client, call Call[T], rule routeRule, info *CallInfo) (T, *failure) {
	var none T
	started := time.Now()
	defer func() { info.SidecarTime = time.Since(started) }()

	timeout := call.Timeout
	if timeout <= 0 {
		timeout = rule.timeout()
	}
	body, why := client.exchange(ctx, call.Route, info.RequestID, call.Body, timeout)
	if why != nil {
		return none, why
	}
	result, err := readReply(call.Reply, body)
	if err != nil {
		return none, fail(ReasonBadReply, "%w", err)
	}
	return result, nil
}

func readReply[T any](read func([]byte) (T, error), body []byte) (T, error) {
	if read != nil {
		return read(body)
	}
	var result T
	err := json.Unmarshal(body, &result)
	return result, err
}

// exchange spends at most timeout: the budget begins here, and covers writing the body as JSON.
func (c *Client) exchange(ctx context.Context, route, requestID string, body any, timeout time.Duration) ([]byte, *failure) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	encoded, err := encode(body)
	if err != nil {
		return nil, fail(ReasonContract, "%w", err)
	}
	return c.sidecar.post(ctx, route, requestID, encoded)
}

// encode writes the request's body. Raw JSON is copied, since the transport may go on reading
// after the call is over, when the caller may already have other use for it.
func encode(body any) ([]byte, error) {
	switch body := body.(type) {
	case json.RawMessage:
		return append([]byte(nil), body...), nil
	case *ChunkRequest:
		if body != nil {
			return encode(*body)
		}
	case ChunkRequest:
		if err := body.check(); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // \u003c for each < would only make HTML larger
	err := encoder.Encode(body)
	return out.Bytes(), err
}

// gaveUp is ctx.Err(), but sure of a deadline that passed a moment before its timer fires.
func gaveUp(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

func newRequestID() string { return fmt.Sprintf("%016x%016x", random(), random()) }
