package hotpathd

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

const (
	maxIdle     = 64
	maxOpen     = 64               // at once; a call that finds none free waits, within its budget
	idleTimeout = 30 * time.Second // less than the daemon's 120 s, so that it is we who hang up
	joinBytes   = 64 << 10         // below this a copy is cheaper than a second write
	early       = 5 * time.Millisecond
)

// transport exchanges requests for replies with one daemon, over connections that it keeps for
// the next call: last in, first out, so that those that are not needed grow old and go.
type transport struct {
	at       address
	maxReply int64
	slots    chan struct{} // one for each exchange under way

	mu     sync.Mutex
	idle   []*conn
	closed bool
}

// conn is one connection, used by one exchange at a time.
type conn struct {
	net.Conn
	in        reader
	out       []byte
	idleSince time.Time
}

// budget is one call's time: an instant on the monotonic clock.
type budget struct {
	end     time.Time
	granted time.Time // what the daemon was told, as an instant here; zero before it was
}

// request is written as it is: its parts are checked.
type request struct {
	method, path string
	headers      []byte // whole lines
	body         []byte
}

func newTransport(at address) *transport {
	return &transport{at: at, maxReply: maxReplyBytes, slots: make(chan struct{}, maxOpen)}
}

// exchange brings the reply, whatever its status, or why there is none.
func (t *transport) exchange(ctx context.Context, b *budget, req request) (*reply, *failure) {
	if err := t.enter(ctx, b); err != nil {
		return nil, b.brokenOff(err)
	}
	defer func() { <-t.slots }()
	if c := t.take(); c != nil {
		reply, err := t.attempt(ctx, c, b, req)
		if err == nil || c.in.begun || isTimeout(err) || ctx.Err() != nil {
			return reply, b.brokenOff(err)
		}
		// The daemon had closed it: once more, on a connection that is new.
	}
	c, err := t.dial(ctx, b)
	if err != nil {
		return nil, b.brokenOff(err)
	}
	reply, err := t.attempt(ctx, c, b, req)
	return reply, b.brokenOff(err)
}

// enter waits for a slot, no longer than the budget.
func (t *transport) enter(ctx context.Context, b *budget) error {
	left := time.Until(b.end)
	if left <= 0 {
		return os.ErrDeadlineExceeded
	}
	select {
	case t.slots <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case t.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return os.ErrDeadlineExceeded
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *transport) dial(ctx context.Context, b *budget) (*conn, error) {
	dialer := net.Dialer{Deadline: b.end, KeepAlive: -1}
	nc, err := dialer.DialContext(ctx, t.at.network, t.at.endpoint)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: nc, in: reader{source: nc, buf: make([]byte, 4096)}}, nil
}

// attempt is one exchange on one connection, which is kept or closed by the time it returns.
func (t *transport) attempt(ctx context.Context, c *conn, b *budget, req request) (*reply, error) {
	c.in.begun = false
	c.SetDeadline(b.end) // an error shows in what follows
	stop := watch(ctx, c)
	reply, err := t.converse(c, b, req)
	stop()
	if err != nil || !reply.keepAlive || !t.keep(c) {
		c.Close()
	}
	return reply, err
}

func (t *transport) converse(c *conn, b *budget, req request) (*reply, error) {
	if err := c.write(t.at.host, b, req); err != nil && isTimeout(err) {
		return nil, err
	}
	// Any other error of writing may be a refusal that came before the body was out: reading tells.
	return c.in.readReply(t.maxReply)
}

// write sends the head as late as can be: it tells the daemon what is left.
func (c *conn) write(host string, b *budget, req request) error {
	out := append(c.out[:0], req.method...)
	out = append(append(append(out, ' '), req.path...), " HTTP/1.1\r\nHost: "...)
	out = append(append(append(out, host...), "\r\n"...), req.headers...)
	out = strconv.AppendInt(append(out, "X-Request-Timeout-Ms: "...), b.grant(), 10)
	if req.method == "POST" {
		out = strconv.AppendInt(append(out, "\r\nContent-Length: "...), int64(len(req.body)), 10)
	}
	out = append(out, "\r\n\r\n"...)
	if len(req.body) <= joinBytes {
		out = append(out, req.body...)
	}
	c.out = out
	if cap(out) > 2*joinBytes {
		c.out = nil
	}
	_, err := c.Write(out)
	if err == nil && len(req.body) > joinBytes {
		_, err = c.Write(req.body)
	}
	return err
}

// grant is what is left, in whole milliseconds as the daemon takes them.
func (b *budget) grant() int64 {
	now := time.Now()
	ms := b.end.Sub(now).Milliseconds()
	if ms < 1 {
		ms = 1
	}
	if ms > maxTimeoutMs {
		ms = maxTimeoutMs
	}
	b.granted = now.Add(time.Duration(ms) * time.Millisecond)
	return ms
}

// watch ends what waits on the connection where the caller gives up.
func watch(ctx context.Context, c *conn) (unwatch func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	ended := make(chan struct{})
	stop := afterDone(ctx, func() {
		c.SetDeadline(time.Unix(1, 0))
		close(ended)
	})
	return func() {
		if !stop() {
			<-ended // else it would end another call, which has the connection by then
		}
	}
}

// take is the connection used last, if it is fresh and silent; older ones go.
func (t *transport) take() *conn {
	for {
		c := t.pop()
		if c == nil || (time.Since(c.idleSince) < idleTimeout && isSilent(c.Conn)) {
			return c
		}
		c.Close()
	}
}

func (t *transport) pop() *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.idle)
	if n == 0 {
		return nil
	}
	c := t.idle[n-1]
	t.idle[n-1] = nil
	t.idle = t.idle[:n-1]
	return c
}

// keep is false where the connection is to be closed. The oldest goes where it is due, so that
// connections of a busy hour do not stay for ever.
func (t *transport) keep(c *conn) bool {
	c.idleSince = time.Now()
	if len(c.in.buf) > joinBytes {
		c.in.buf = make([]byte, 4096)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.idle) >= maxIdle {
		return false
	}
	if len(t.idle) > 0 && c.idleSince.Sub(t.idle[0].idleSince) >= idleTimeout {
		t.idle[0].Close()
		t.idle = append(t.idle[:0], t.idle[1:]...)
	}
	t.idle = append(t.idle, c)
	return true
}

func (t *transport) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, c := range t.idle {
		c.Close()
	}
	t.idle = nil
}

func isTimeout(err error) bool {
	var timed net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || (errors.As(err, &timed) && timed.Timeout())
}

// brokenOff names the failure of an exchange that did not come to its end.
func (b *budget) brokenOff(err error) *failure {
	var bad notAReply
	switch {
	case err == nil:
		return nil
	case errors.As(err, &bad):
		return fail(ReasonBadReply, "%w", err)
	case isTimeout(err), errors.Is(err, context.Canceled):
		return fail(ReasonTimeout, "%w", err)
	case !b.granted.IsZero() && !time.Now().Before(b.granted.Add(-early)):
		// While a body is still coming in, the daemon ends a late request by hanging up.
		return fail(ReasonTimeout, "%w", err)
	default:
		return fail(ReasonConnect, "%w", err)
	}
}
