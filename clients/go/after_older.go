//go:build !go1.21

package hotpathd

import (
	"context"
	"sync"
)

// afterDone is context.AfterFunc, at the cost of a goroutine.
func afterDone(ctx context.Context, f func()) (stop func() bool) {
	stopped := make(chan struct{})
	var once sync.Once
	go func() {
		select {
		case <-stopped:
		case <-ctx.Done():
			once.Do(func() { go f() })
		}
	}()
	return func() (first bool) {
		once.Do(func() { close(stopped); first = true })
		return first
	}
}
