//go:build go1.21

package hotpathd

import "log/slog"

// logLine is for changes of state, never for calls.
func logLine(message string, args ...any) { slog.Info("hotpathd: "+message, args...) }
