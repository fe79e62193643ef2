package hotpathd

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"
)

// nobodyAccepts is the URL of a listener whose queue is full: the kernel drops what knocks, and a
// connect hangs.
func nobodyAccepts(t *testing.T) string {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for full := false; !full; {
		conn, err := net.DialTimeout("tcp", endpoint, 200*time.Millisecond)
		if full = err != nil; !full {
			t.Cleanup(func() { conn.Close() })
		}
	}
	return "http://" + endpoint
}

func TestFallsBackWhereNobodyAccepts(t *testing.T) {
	client, last := on(t, nobodyAccepts(t))
	inTime(t, patience, func() { wantFallback(t, call(t, client, hurried()), last, ReasonTimeout) })

	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(time.Millisecond, cancel)
	got, err := Do(ctx, client, neverLegacy(t))
	wantGivenUp(t, got, err, context.Canceled, last)
}
