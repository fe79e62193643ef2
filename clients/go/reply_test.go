package hotpathd

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

var wellFormed = []string{
	okReply(`{"a":1}`),
	okReply(""),
	okReply(strings.Repeat("x", 100_000)),
	"HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\na",
	"HTTP/1.1 204 No Content\r\n\r\n",
	"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
	"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n[]",
	"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n[]",
	"HTTP/1.1 100 Continue\r\n\r\n" + okReply("after"),
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nTrailer: x\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1A\r\n" + strings.Repeat("a", 26) + "\r\n00\r\n\r\n",
}

func read(source io.Reader) (*reply, error) {
	in := reader{source: source, buf: make([]byte, 16)}
	return in.readReply(1 << 20)
}

func TestReadsWhatNetHTTPReads(t *testing.T) {
	for _, text := range wellFormed {
		want := readByNetHTTP(t, text)
		body, _ := io.ReadAll(want.Body)
		for name, source := range map[string]io.Reader{
			"whole": strings.NewReader(text), "halves": iotest.HalfReader(strings.NewReader(text)),
			"bytes": iotest.OneByteReader(strings.NewReader(text)),
		} {
			got, err := read(source)
			if err != nil || got.status != want.StatusCode || !bytes.Equal(got.body, body) || got.keepAlive == want.Close {
				t.Errorf("%.60q in %s: %+v, %v", text, name, got, err)
			}
		}
	}
}

func readByNetHTTP(t *testing.T, text string) *http.Response {
	in := bufio.NewReader(strings.NewReader(text))
	for {
		got, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got.StatusCode >= 200 {
			return got
		}
	}
}

func TestRefusesAReplyThatEndsEarly(t *testing.T) {
	for _, text := range wellFormed {
		for n := 0; n < len(text) && n < 500; n++ {
			if got, err := read(strings.NewReader(text[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%.60q cut at %d: %+v, %v", text, n, got, err)
			}
		}
	}
}

func TestRefusesWhatIsNoReply(t *testing.T) {
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, text := range []string{
		"\x16\x03\x01\x02\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 +20 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1 600 OK\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.12 200\r\n\r\n",
		"HTTP/1.1 200 OK\r\nNo colon\r\n\r\n", "HTTP/1.1 200 OK\r\n: x\r\n\r\n", "HTTP/1.1 200 OK\r\n A: folded\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\na",
		"HTTP/1.1 200 OK\r\nContent-Length: " + strings.Repeat("9", 400) + "\r\n\r\na",
		"HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\na",
		chunked + "zz\r\n", chunked + "\r\n", chunked + "+2\r\n[]\r\n0\r\n\r\n", chunked + "ffffffff\r\n", chunked + "100000001\r\n",
		chunked + "1\r\n[]\r\n0\r\n\r\n", chunked + "1;" + strings.Repeat("x", 70_000) + "\r\n",
		chunked + "0\r\n" + strings.Repeat("A: "+strings.Repeat("x", 1000)+"\r\n", 100) + "\r\n",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 70_000) + "\r\n\r\n", strings.Repeat("x", 200_000),
	} {
		var bad notAReply
		if got, err := read(strings.NewReader(text)); !errors.As(err, &bad) {
			t.Errorf("%.60q: %+v, %v", text, got, err)
		}
	}
}

func TestBytesAfterAReplyAreNotKept(t *testing.T) {
	got, err := read(strings.NewReader(okReply("{}") + "x"))
	if err != nil || got.keepAlive {
		t.Errorf("%+v, %v", got, err)
	}
}

// FuzzReply: a reply or an error, the same in pieces of any size, and never more than was sent.
func FuzzReply(f *testing.F) {
	for _, text := range wellFormed {
		if len(text) < 1000 {
			f.Add([]byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		whole, err := read(bytes.NewReader(text))
		pieces, errInPieces := read(iotest.OneByteReader(bytes.NewReader(text)))
		if (err == nil) != (errInPieces == nil) {
			t.Fatalf("whole: %v, in pieces: %v", err, errInPieces)
		}
		if err != nil {
			return
		}
		if whole.status != pieces.status || !bytes.Equal(whole.body, pieces.body) || len(whole.body) > len(text) {
			t.Fatalf("whole: %+v, in pieces: %+v", whole, pieces)
		}
	})
}
