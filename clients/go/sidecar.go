package hotpathd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	maxHeaderBytes  = 64 << 10
	maxReplyBytes   = 256 << 20
	maxProblemBytes = 64 << 10
	firstBuffer     = 1 << 20   // no announcement makes us allocate more than this at once
	maxTimeoutMs    = 999999999 // nine digits, by the contract

	poolSize    = 64
	idleTimeout = 30 * time.Second // less than the daemon's 120 s, so that it is we who hang up
	dialTimeout = time.Second      // a dial outlives the call that began it, but not by much
)

// sidecar is the daemon seen from here: one exchange at a time, each bounded by its context.
// It uses the transport without http.Client, so that no redirect is ever followed.
type sidecar struct {
	host      string
	caller    string
	maxReply  int64
	transport *http.Transport
}

func newSidecar(at address, caller string) *sidecar {
	dialer := net.Dialer{Timeout: dialTimeout}
	return &sidecar{host: at.host, caller: caller, maxReply: maxReplyBytes, transport: &http.Transport{
		Proxy: nil, // HTTP_PROXY is not for a neighbour on this host
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, at.network, at.endpoint)
		},
		DisableCompression:     true,
		MaxIdleConns:           poolSize,
		MaxIdleConnsPerHost:    poolSize, // the default of 2 exhausts ports under load
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		ForceAttemptHTTP2:      false,
	}}
}

func (s *sidecar) close() { s.transport.CloseIdleConnections() }

// post sends one request to a route and returns the body of its 200.
func (s *sidecar) post(ctx context.Context, route, requestID string, body []byte) ([]byte, *failure) {
	req, err := s.newRequest(ctx, http.MethodPost, "/v1/"+route, bytes.NewReader(body))
	if err != nil {
		return nil, fail(ReasonContract, "%w", err)
	}
	req.Header["Content-Type"] = []string{"application/json"}
	req.Header["X-Request-Id"] = []string{requestID}
	req.Header["X-Request-Timeout-Ms"] = []string{remainingMs(ctx)}
	// With this key, which is not sent, and GetBody, which NewRequest has set, the transport
	// tries again where a kept-alive connection died before any byte of a reply
	// (golang/go#19943). Every route is a pure function, so that is safe.
	req.Header["Idempotency-Key"] = nil

	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		return nil, brokenOff(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, readProblem(resp)
	}
	if why := checkHead(resp, route); why != nil {
		return nil, why
	}
	return s.readBody(ctx, resp)
}

func (s *sidecar) newRequest(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.host+path, body)
	if err != nil {
		return nil, err
	}
	if s.caller != "" {
		req.Header["X-Hotpath-Caller"] = []string{s.caller}
	}
	return req, nil
}

// remainingMs is what is left of the budget, in whole milliseconds as the daemon takes them.
func remainingMs(ctx context.Context) string {
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline).Milliseconds()
	if left < 1 {
		left = 1
	}
	if left > maxTimeoutMs {
		left = maxTimeoutMs
	}
	return strconv.FormatInt(left, 10)
}

// brokenOff names the failure of an exchange that did not come to its end.
func brokenOff(ctx context.Context, err error) *failure {
	var timed net.Error
	if ctx.Err() != nil || (errors.As(err, &timed) && timed.Timeout()) {
		return fail(ReasonTimeout, "%w", err)
	}
	return fail(ReasonConnect, "%w", err)
}

// checkHead refuses a 200 from something that is not the daemon, or speaks another contract.
func checkHead(resp *http.Response, route string) *failure {
	if media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return fail(ReasonBadReply, "the reply is not application/json")
	}
	if got := resp.Header.Get("X-Hotpath-Contract"); got != route+"/1" {
		return fail(ReasonBadReply, "the reply's contract is %q, not %q", got, route+"/1")
	}
	return nil
}

// readBody reads to the end, so that the connection can be used again.
func (s *sidecar) readBody(ctx context.Context, resp *http.Response) ([]byte, *failure) {
	var body bytes.Buffer
	if resp.ContentLength > s.maxReply {
		return nil, fail(ReasonBadReply, "the reply is larger than %d bytes", s.maxReply)
	}
	if announced := resp.ContentLength; announced > 0 && announced < firstBuffer {
		body.Grow(int(announced) + bytes.MinRead) // ReadFrom wants room to see the end in
	}
	if _, err := body.ReadFrom(io.LimitReader(resp.Body, s.maxReply+1)); err != nil {
		return nil, brokenOff(ctx, err)
	}
	if int64(body.Len()) > s.maxReply {
		return nil, fail(ReasonBadReply, "the reply is larger than %d bytes", s.maxReply)
	}
	return body.Bytes(), nil
}

// problem is what of an application/problem+json this client looks at.
type problem struct {
	Code    string `json:"code"`
	Pointer string `json:"pointer"`
	Stage   string `json:"stage"`
}

func readProblem(resp *http.Response) *failure {
	var p problem
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media == "application/problem+json" {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxProblemBytes))
		if err != nil || json.Unmarshal(body, &p) != nil {
			p = problem{} // the status alone must do
		}
	}
	return &failure{reasonOf(resp.StatusCode, p.Code), problemError{resp.StatusCode, p}}
}

type problemError struct {
	status int
	problem
}

func (e problemError) Error() string {
	text := fmt.Sprintf("hotpathd: the daemon replied %d", e.status)
	for _, more := range []string{e.Code, e.Pointer, e.Stage} {
		if more != "" {
			text += " " + more
		}
	}
	return text
}
