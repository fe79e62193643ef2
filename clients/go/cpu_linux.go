package hotpathd

import (
	"syscall"
	"time"
)

// threadCPU is the CPU time of the calling thread: of the goroutine, where that is locked to it.
func threadCPU() (time.Duration, bool) {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_THREAD, &usage) != nil {
		return 0, false
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), true
}
