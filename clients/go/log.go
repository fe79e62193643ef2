//go:build !go1.21

package hotpathd

import "log"

// logLine is for changes of state, never for calls.
func logLine(message string, args ...any) {
	log.Println(append([]any{"hotpathd:", message}, args...)...)
}
