package hotpathd

import (
	"bytes"
	"io"
	"strconv"
	"strings"
)

// HTTP/1.1 replies as the daemon sends them, under ceilings. net/http reads more than that, logs
// what comes unasked, and costs two goroutines a connection.

const (
	maxHeadBytes  = 64 << 10
	maxLineBytes  = 4 << 10
	maxReplyBytes = 256 << 20
	firstBuffer   = 1 << 20 // no announcement makes us allocate more than this at once
)

// reply is a whole one, whatever its status.
type reply struct {
	status       int
	contentType  lines
	contract     lines
	requestID    lines
	serverTiming lines
	etag         lines
	body         []byte
	keepAlive    bool
}

// notAReply is what the peer sent where a reply should be.
type notAReply string

func (e notAReply) Error() string { return "not a reply: " + string(e) }

// reader has the bytes of one connection.
type reader struct {
	source io.Reader
	buf    []byte
	r, w   int // buf[r:w] is read and not yet taken
	begun  bool
}

func (in *reader) rest() []byte { return in.buf[in.r:in.w] }

// fill reads once; the buffer grows where it is full.
func (in *reader) fill() error {
	if in.r == in.w {
		in.r, in.w = 0, 0
	}
	if in.w == len(in.buf) {
		if in.r > 0 {
			in.w = copy(in.buf, in.rest())
			in.r = 0
		} else {
			in.buf = append(in.buf, make([]byte, 4096+len(in.buf))...)
		}
	}
	n, err := in.source.Read(in.buf[in.w:])
	in.w += n
	if n > 0 {
		in.begun = true
		return nil
	}
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// until takes the bytes before a mark, and the mark. They are valid until the next call.
func (in *reader) until(mark string, max int) ([]byte, error) {
	from := 0
	for {
		at := bytes.Index(in.rest()[from:], []byte(mark))
		if at >= 0 && from+at <= max {
			taken := in.rest()[:from+at]
			in.r += from + at + len(mark)
			return taken, nil
		}
		if at >= 0 || in.w-in.r > max+len(mark)-1 {
			return nil, notAReply("head too large")
		}
		if from = in.w - in.r - len(mark) + 1; from < 0 {
			from = 0
		}
		if err := in.fill(); err != nil {
			return nil, err
		}
	}
}

// full appends exactly n bytes to dst.
func (in *reader) full(dst []byte, n int64) ([]byte, error) {
	have := int64(in.w - in.r)
	if have > n {
		have = n
	}
	dst = append(dst, in.buf[in.r:in.r+int(have)]...)
	in.r += int(have)
	for n -= have; n > 0; {
		step := n
		if step > firstBuffer {
			step = firstBuffer
		}
		at := len(dst)
		dst = grow(dst, int(step))
		got, err := io.ReadFull(in.source, dst[at:])
		if got > 0 {
			in.begun = true
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		n -= step
	}
	return dst, nil
}

// grow lengthens dst by n, doubling its room where there is too little.
func grow(dst []byte, n int) []byte {
	if room := cap(dst) - len(dst); room < n {
		larger := make([]byte, len(dst), 2*len(dst)+n)
		copy(larger, dst)
		dst = larger
	}
	return dst[:len(dst)+n]
}

// readReply reads the next final reply; interim ones (1xx) are passed over.
func (in *reader) readReply(maxBody int64) (*reply, error) {
	for left := maxHeadBytes; ; {
		head, err := in.until("\r\n\r\n", left)
		if err != nil {
			return nil, err
		}
		left -= len(head)
		r, framing, err := parseHead(string(head))
		switch {
		case err != nil:
			return nil, err
		case r.status == 101:
			return nil, notAReply("101")
		case r.status < 200:
			continue
		case r.status != 204 && r.status != 304:
			if r.body, err = in.readBody(framing, maxBody); err != nil {
				return nil, err
			}
		}
		r.keepAlive = r.keepAlive && in.r == in.w
		return r, nil
	}
}

// framing is how a body is delimited, as the head says it.
type framing struct{ length, coding lines }

// lines are a header's values, joined where it comes more than once: two lengths are no number.
type lines struct {
	value string
	there bool
}

func (l *lines) add(value string) {
	if l.there {
		value = l.value + ", " + value
	}
	l.value, l.there = value, true
}

// parseHead takes a head apart. The strings that it keeps hold on to it, as it is small.
func parseHead(head string) (*reply, framing, error) {
	line, rest, _ := strings.Cut(head, "\r\n")
	var frame framing
	r := &reply{}
	if !r.statusLine(line) {
		return nil, frame, notAReply("status line")
	}
	for more := len(line) < len(head); more; {
		line, rest, more = strings.Cut(rest, "\r\n")
		name, value, colon := strings.Cut(line, ":")
		if !colon || !isToken(name) || strings.ContainsAny(value, "\r\n") {
			return nil, frame, notAReply("header line")
		}
		r.header(name, strings.Trim(value, " \t"), &frame)
	}
	return r, frame, nil
}

// statusLine reads HTTP/1.1 200 and whatever comes after a blank.
func (r *reply) statusLine(line string) bool {
	if len(line) < 12 || line[:7] != "HTTP/1." || line[8] != ' ' || (len(line) > 12 && line[12] != ' ') || strings.ContainsAny(line, "\r\n") {
		return false
	}
	minor, digits := line[7], line[9:12]
	status, err := strconv.ParseUint(digits, 10, 16)
	if (minor != '0' && minor != '1') || err != nil || status < 100 || status > 599 {
		return false
	}
	r.status, r.keepAlive = int(status), minor == '1'
	return true
}

func (r *reply) header(name, value string, frame *framing) {
	var room [len("x-hotpath-contract")]byte // the longest of them
	if len(name) > len(room) {
		return
	}
	lower := room[:len(name)]
	for i := range lower {
		if lower[i] = name[i]; 'A' <= name[i] && name[i] <= 'Z' {
			lower[i] += 'a' - 'A'
		}
	}
	switch string(lower) { // which copies nothing; strings.ToLower was a third of a call's allocations
	case "content-length":
		frame.length.add(value)
	case "transfer-encoding":
		frame.coding.add(value)
	case "connection":
		if strings.Contains(strings.ToLower(value), "close") {
			r.keepAlive = false
		}
	case "content-type":
		r.contentType.add(value)
	case "x-hotpath-contract":
		r.contract.add(value)
	case "x-request-id":
		r.requestID.add(value)
	case "server-timing":
		r.serverTiming.add(value)
	case "etag":
		r.etag.add(value)
	}
}

var tokenBytes = func() (table [256]bool) {
	for _, c := range "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" {
		table[c] = true
	}
	return table
}()

func isToken(name string) bool {
	for i := 0; i < len(name); i++ {
		if !tokenBytes[name[i]] {
			return false
		}
	}
	return name != ""
}

func isDigits(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != "" && len(text) <= 15
}

// readBody takes no body that ends with the connection: one cut short would look whole.
func (in *reader) readBody(frame framing, max int64) ([]byte, error) {
	if frame.coding.there {
		if !strings.EqualFold(frame.coding.value, "chunked") || frame.length.there {
			return nil, notAReply("transfer-encoding")
		}
		return in.readChunks(max)
	}
	if !isDigits(frame.length.value) {
		return nil, notAReply("content-length")
	}
	length, err := strconv.ParseInt(frame.length.value, 10, 64)
	if err != nil || length > max {
		return nil, notAReply("body too large")
	}
	first := length
	if first > firstBuffer {
		first = firstBuffer
	}
	return in.full(make([]byte, 0, first), length)
}

func (in *reader) readChunks(max int64) ([]byte, error) {
	body := []byte{}
	for {
		line, err := in.until("\r\n", maxLineBytes)
		if err != nil {
			return nil, err
		}
		digits, _, _ := strings.Cut(string(line), ";")
		digits = strings.TrimRight(digits, " \t")
		size, err := strconv.ParseUint(digits, 16, 32)
		if err != nil || strings.HasPrefix(digits, "+") || len(digits) > 8 {
			return nil, notAReply("chunk size")
		}
		if size == 0 {
			return body, in.readTrailers()
		}
		if int64(len(body))+int64(size) > max {
			return nil, notAReply("body too large")
		}
		if body, err = in.full(body, int64(size)); err != nil {
			return nil, err
		}
		if end, err := in.until("\r\n", 0); err != nil || len(end) != 0 {
			return nil, orNot(err, "chunk end")
		}
	}
}

// readTrailers passes over what says nothing that we need.
func (in *reader) readTrailers() error {
	for total := 0; ; {
		line, err := in.until("\r\n", maxLineBytes)
		if err != nil || len(line) == 0 {
			return err
		}
		if total += len(line); total > maxHeadBytes {
			return notAReply("trailers too large")
		}
	}
}

func orNot(err error, what string) error {
	if err != nil {
		return err
	}
	return notAReply(what)
}
