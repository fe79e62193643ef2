package hotpathd

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// faultServer is a daemon that does whatever a test wants on each connection, byte by byte.
type faultServer struct {
	url      string
	listener net.Listener
	mu       sync.Mutex
	conns    []net.Conn
	running  sync.WaitGroup
	handling atomic.Int32
}

// serveFaults runs handle for each connection until the test ends; n counts them from 0.
func serveFaults(t *testing.T, network string, handle func(n int, conn *peer)) *faultServer {
	t.Helper()
	endpoint := "127.0.0.1:0"
	if network == "unix" {
		endpoint = filepath.Join(t.TempDir(), "s")
	}
	listener, err := net.Listen(network, endpoint)
	if err != nil {
		t.Fatal(err)
	}
	s := &faultServer{url: "http://" + listener.Addr().String(), listener: listener}
	if network == "unix" {
		s.url = "unix:" + endpoint
	}
	s.running.Add(1)
	go s.accept(handle)
	t.Cleanup(s.stop)
	return s
}

func (s *faultServer) accept(handle func(int, *peer)) {
	defer s.running.Done()
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		n := len(s.conns)
		s.conns = append(s.conns, conn)
		s.mu.Unlock()
		s.running.Add(1)
		s.handling.Add(1)
		go func() {
			defer s.running.Done()
			defer s.handling.Add(-1)
			defer conn.Close()
			handle(n, &peer{conn, bufio.NewReader(conn)})
		}()
	}
}

func (s *faultServer) stop() {
	s.listener.Close()
	s.mu.Lock()
	for _, conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

func (s *faultServer) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// peer is the server's end of one connection.
type peer struct {
	net.Conn
	in *bufio.Reader
}

// request reads one whole request, nil when the client has hung up.
func (p *peer) request() *http.Request {
	r, err := http.ReadRequest(p.in)
	if err != nil {
		return nil
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil
	}
	return r
}

func (p *peer) say(text string) bool {
	_, err := io.WriteString(p, text)
	return err == nil
}

// untilClosed waits for the client to hang up.
func (p *peer) untilClosed() { io.Copy(io.Discard, p.in) }

// reply is a whole reply as the daemon sends it.
func replyText(status int, media, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Type: %s\r\nX-Hotpath-Contract: chunk/1\r\nContent-Length: %d\r\n\r\n%s",
		status, media, len(body), body)
}

func okReply(body string) string { return replyText(200, "application/json", body) }

func problemReply(status int, code string) string {
	return replyText(status, "application/problem+json", fmt.Sprintf(
		`{"type":"urn:hotpathd:problem:%s","title":"T","status":%d,"code":"%s"}`, code, status, code))
}

// answerAll replies the same to every request of a connection.
func answerAll(text string) func(int, *peer) {
	return func(_ int, p *peer) {
		for p.request() != nil && p.say(text) {
		}
	}
}

// settle waits until every connection's handler has returned, and forgets the connections.
func (s *faultServer) settle(t *testing.T) {
	s.mu.Lock()
	for _, conn := range s.conns {
		conn.Close()
	}
	s.conns = s.conns[:0]
	s.mu.Unlock()
	eventually(t, "the handlers", func() bool { return s.handling.Load() == 0 })
}
