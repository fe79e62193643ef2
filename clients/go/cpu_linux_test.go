package hotpathd

import (
	"runtime"
	"testing"
	"time"
)

func TestThreadCPUSeesWorkThatIsShorterThanATick(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	unseen := 0
	for i := 0; i < 100; i++ {
		before, ok := threadCPU()
		if !ok {
			t.Fatal("no thread CPU clock on Linux")
		}
		for started := time.Now(); time.Since(started) < 200*time.Microsecond; {
		}
		if after, _ := threadCPU(); after == before {
			unseen++
		}
	}
	if unseen > 0 {
		t.Errorf("%d of 100 pieces of work were not seen", unseen)
	}
}
