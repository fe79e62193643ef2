//go:build !linux

package hotpathd

import "time"

// threadCPU is not to be had here without cgo.
func threadCPU() (time.Duration, bool) { return 0, false }
